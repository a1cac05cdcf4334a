"""Faults 30 and 31: what a role, a database or the environment sets changes no text, price, instant or order."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from typing import Final

import psycopg
import pytest
from psycopg import sql

from engine.model import Span
from engine.timers import TimerThread
from ops.local.roles import ENGINE_ROLE
from storage.errors import DatabaseUnavailableError
from storage.postgres.archive import Archive
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.retention import Retention
from storage.postgres.schema import Strategy, migrate
from storage.postgres.signals import Signals
from storage.postgres.summary import Summaries, SummaryQuery
from tests.support.databases import SCHEMA, Server, as_engine, name_of, through
from tests.support.outcomes import CHANNEL, a_message, a_signal, signal_outcome
from tests.support.stack import engine_environment, eventually, running_daemon

DAY = timedelta(days=1)
TEXT = "COMPRA PETR4 🚀 30,10 ✅ ação \\n 'quoted' \\u00e7"
#: each changes how values travel, or what a statement means
SETTINGS: Final = {
    "client_encoding": ("LATIN1", "WIN1252", "SQL_ASCII"),
    "datestyle": ("SQL, DMY", "SQL, YMD", "German"),
    "timezone": ("America/Sao_Paulo", "Asia/Kathmandu"),
    "intervalstyle": ("sql_standard",),
    "extra_float_digits": ("-15",),
    "bytea_output": ("escape",),
    "standard_conforming_strings": ("off",),
    "array_nulls": ("off",),
    "search_path": ("", "pg_temp"),
    "default_transaction_isolation": ("serializable",),
    "quote_all_identifiers": ("on",),
}
ALL: Final = {name: values[0] for name, values in SETTINGS.items()}
EACH: Final = [{name: value} for name, values in SETTINGS.items() for value in values]
#: what libpq reads of the environment; none of it is a setting of ours
ENVIRONMENT: Final = {
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "Asia/Kathmandu",
    "PGOPTIONS": "-c extra_float_digits=-15 -c datestyle=German -c default_transaction_isolation=serializable",
}


def change(url: str, settings: dict[str, str], *, role: str | None = None) -> None:
    """Set them for the database, or for one role in it: those go with the database."""
    whom = sql.SQL("role {} in database {}" if role else "database {}").format(
        *map(sql.Identifier, [role] if role else []), sql.Identifier(name_of(url))
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(
                sql.SQL("alter {} set {} to {}").format(whom, sql.Identifier(name), sql.Literal(value))
            )


def label(settings: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in settings.items())


@contextlib.contextmanager
def client(url: str, timers: TimerThread) -> Iterator[Database]:
    database = Database(url, schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    try:
        yield database
    finally:
        database.close()


def stores_and_reads_right(url: str, timers: TimerThread) -> None:
    """Store a signal with everything in it, edit it, and read it by every reader."""
    with client(as_engine(url), timers) as database:
        _store_and_read(database)


def _store_and_read(database: Database) -> None:
    ledger = Ledger(database, grammar_version="g1")
    at = datetime.now(UTC).replace(microsecond=123456) - 10 * DAY
    # the same instant, told with another offset
    told = at.astimezone(timezone(timedelta(hours=-3)))
    provenance = Span(field="asset", start=0, end=5, rule="labels", value="🚀")
    signal = a_signal(
        buy_min=Decimal("0.2550"), targets=(Decimal("31.00"), Decimal("1234567890.123456789")),
        warnings=("ação 🚀",), provenance=(provenance,),
    )  # fmt: skip
    message = a_message(text=TEXT, received_at=told, telegram_date=told, updated_at=told)
    assert ledger.record([signal_outcome(message, signal)]).signals == 1
    edited = a_message(text=TEXT + "!", received_at=told, telegram_date=told, updated_at=told + DAY)
    assert ledger.record([signal_outcome(edited, signal)]).moved == {(CHANNEL, "1")}

    signals = Signals(database, retention=90 * DAY)
    (row,) = signals.find(SignalQuery(search="\\u00e7", since=at, until=at)).rows
    assert row["raw_message"] == TEXT + "!"
    assert (row["ts"], row["ts"].utcoffset()) == (at, timedelta(0))
    assert [str(price) for price in (row["buy_min"], *row["targets"])] == [
        "0.2550",
        "31.00",
        "1234567890.123456789",
    ]
    assert row["warnings"] == ["ação 🚀"]
    whole = signals.get(row["id"])
    assert whole is not None
    assert whole["provenance"][0]["value"] == "🚀"
    assert len(signals.committed(after=(0, 0), upto=ledger.commit_number(), limit=9).rows) == 2
    assert ledger.newest_received([CHANNEL]) == {CHANNEL: at}
    assert Retention(database).keep().problem is None
    ((archived,),) = Archive(database).pages(channel=None, since=at - DAY)
    assert (archived.message.text, archived.message.telegram_date) == (TEXT + "!", at)
    summary = Summaries(database, retention=90 * DAY).read(SummaryQuery(days=30, zone="America/Sao_Paulo"))
    assert summary


@pytest.mark.parametrize("settings", [*EACH, ALL], ids=label)
def test_fault_31_a_setting_of_the_database_changes_nothing(
    migrated_url: str, direct_url: str, timers: TimerThread, settings: dict[str, str]
) -> None:
    change(direct_url, settings)
    stores_and_reads_right(migrated_url, timers)


@pytest.mark.every_way
def test_fault_30_settings_of_the_role_change_nothing(
    migrated_url: str, direct_url: str, timers: TimerThread
) -> None:
    change(direct_url, ALL, role=ENGINE_ROLE)
    stores_and_reads_right(migrated_url, timers)


@pytest.mark.every_way
def test_fault_30_settings_of_the_environment_change_nothing(
    migrated_url: str,
    timers: TimerThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    stores_and_reads_right(migrated_url, timers)


@pytest.mark.parametrize("settings", [{"search_path": ""}, ALL, {"datestyle": "SQL, YMD"}], ids=label)
@pytest.mark.parametrize("way", ["direct", "pooled"], indirect=True)
def test_fault_31_a_database_with_settings_of_its_own_is_migrated(
    database_url: str,
    direct_url: str,
    timers: TimerThread,
    strategy: Strategy,
    settings: dict[str, str],
) -> None:
    change(direct_url, settings)
    migrate(database_url, schema=SCHEMA, strategy=strategy, timers=timers, engine_role=ENGINE_ROLE)
    stores_and_reads_right(database_url, timers)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"default_transaction_read_only": "on"}, "reset default_transaction_read_only"),
        ({"statement_timeout": "100"}, "statement timeout"),
    ],
    ids=["read-only", "statement_timeout"],
)
def test_fault_31_what_cannot_be_overruled_is_waited_for_and_named(
    migrated_url: str,
    direct_url: str,
    timers: TimerThread,
    settings: dict[str, str],
    words: str,
) -> None:
    # for the role: a limit that another test has given it would overrule that of the database
    change(direct_url, settings, role=ENGINE_ROLE)
    with psycopg.connect(direct_url) as other, client(as_engine(migrated_url), timers) as database:
        # whoever writes waits for this transaction, on a fast machine too, for as long as it is let
        other.execute(f"LOCK TABLE {SCHEMA}.ledger")
        with pytest.raises(DatabaseUnavailableError, match=words):
            Ledger(database, grammar_version="g1").record([signal_outcome(a_message(1))])


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
@pytest.mark.parametrize("through_pooler", [False, True], ids=["direct", "pooled"])
def test_fault_30_a_database_that_cannot_hold_every_text_is_waited_for(
    server: Server, pooler: int, timers: TimerThread, encoding: str, *, through_pooler: bool
) -> None:
    direct = server.create(migrated=False, encoding=encoding)
    url = through(direct, pooler) if through_pooler else direct
    try:
        with pytest.raises(DatabaseUnavailableError, match=f"encoding is {encoding}.*encoding 'UTF8'"):
            migrate(url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers)
        with (
            client(url, timers) as database,
            pytest.raises(DatabaseUnavailableError, match=f"encoding is {encoding}.*encoding 'UTF8'"),
        ):
            Ledger(database, grammar_version="g1").commit_number()
    finally:
        server.drop(direct)


def test_fault_30_a_daemon_on_such_a_database_waits_with_the_remedy(server: Server) -> None:
    url = server.create(migrated=False, encoding="SQL_ASCII")
    try:
        with running_daemon(engine_environment(url, "http://127.0.0.1:9")) as engine:
            eventually(lambda: "encoding is SQL_ASCII" in engine.get("/health").text, what="not named")
            answer = engine.get("/health")
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert "encoding 'UTF8'" in answer.text, "the remedy"
            assert engine.get("/signals").status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert engine.get("/livez").status_code == HTTPStatus.OK
            assert all(child["restarts"] == 0 for child in engine.health()["details"]["actors"]["children"])
    finally:
        server.drop(url)
