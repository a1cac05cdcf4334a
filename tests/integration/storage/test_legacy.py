"""Old rows and messages in one ledger: a row gives way to its message, whichever comes last."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import ChannelMessage
from engine.timers import TimerThread
from ops.commands.replay import Replay
from ops.local.roles import ENGINE_ROLE
from ops.migrate_data.values import LegacyReader
from ops.stores import RETENTION
from storage.legacy.fates import LegacyReport
from storage.legacy.importing import AnotherTableError, LegacyImport
from storage.legacy.report import report
from storage.legacy.rounds import LegacyRounds
from storage.legacy.rows import LegacyRow, decode_row
from storage.postgres.archive import Archive
from storage.postgres.database import Database
from storage.postgres.dead_letters import DeadLetters
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.schema import Strategy, migrate
from storage.postgres.signals import Signals
from tests.bench.old_table import deliver, old_row, write
from tests.support.outcomes import CHANNEL, a_message, malformed

Ask = Callable[..., list[dict[str, Any]]]
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
TEXT = "Ativo: PETR4\nCompra: 30,10\nAlvo 1: 31,00\nStop: 29,00"
OTHER = "Ativo: VALE3\nCompra: 60,10\nAlvo 1: 61,00\nStop: 59,00"


def message(number: int, text: str | None = TEXT, *, minutes: float = 0, **changes: Any) -> ChannelMessage:
    at = AT + timedelta(minutes=minutes)
    return a_message(
        number, **{"text": text, "received_at": at, "telegram_date": at, "updated_at": at} | changes
    )


def row(number: int, text: str = TEXT, *, minutes: float = 0, **changes: object) -> LegacyRow:
    """Return an old row as the old table's JSON gives it."""
    values = old_row(text, AT + timedelta(minutes=minutes), id=number) | changes
    return decode_row(json.dumps(values, default=str))


@pytest.fixture
def old(database: Database, ledger: Ledger) -> LegacyImport:
    return LegacyImport(database, ledger, LegacyReader(retention=RETENTION, now=datetime.now(UTC)).take)


@pytest.fixture
def fates(ask: Ask) -> Callable[[], dict[str, tuple[str, str | None]]]:
    """Give what has become of each row."""

    def look() -> dict[str, tuple[str, str | None]]:
        rows = ask("select legacy_id, fate, message_id from legacy_rows")
        return {row["legacy_id"]: (row["fate"], row["message_id"]) for row in rows}

    return look


def signals(ask: Ask) -> list[tuple[str, str]]:
    rows = ask("select message_id, asset from tp_capital_signals order by message_id, position")
    return [(row["message_id"], row["asset"]) for row in rows]


def report_of(database: Database) -> LegacyReport:
    return report(database, retention=RETENTION)


Fates = Callable[[], dict[str, tuple[str, str | None]]]


# ── one of the two comes first ───────────────────────────────────────────────


def test_a_row_whose_message_is_here_is_known_and_writes_nothing(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    deliver(ledger, [message(5)])
    old.take([row(1)])
    assert fates() == {"1": ("known", "5")}
    assert signals(ask) == [("5", "PETR4")]
    assert ledger.counts() == {"signal": 1}


def test_a_row_without_a_message_is_kept_with_its_dates(old: LegacyImport, ask: Ask, fates: Fates) -> None:
    old.take([row(1)])
    assert fates() == {"1": ("kept", "legacy:1")}
    (stored,) = ask("select ts, source, raw_message, ingested_at, message_id from tp_capital_signals")
    assert stored == {
        "ts": AT,
        "source": "telegram",
        "raw_message": TEXT,
        "ingested_at": AT + timedelta(seconds=9),
        "message_id": "legacy:1",
    }


def test_a_message_takes_the_place_of_its_row(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    old.take([row(1), row(2, OTHER)])
    recorded = ledger.counts()
    deliver(ledger, [message(5, f"\r\n {TEXT}\r\n".replace("\n", "\r\n"))])
    assert fates() == {"1": ("known", "5"), "2": ("kept", "legacy:2")}
    assert signals(ask) == [("5", "PETR4"), ("legacy:2", "VALE3")]
    assert ledger.counts() == recorded == {"signal": 2}
    (former,) = ask("select message_id, superseded_by from signals_history")
    assert former == {"message_id": "legacy:1", "superseded_by": ledger.commit_number()}
    assert report_of_problems(old) == ()


def test_a_row_and_its_message_stand_side_by_side_until_the_next_round(
    database: Database, ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    old.take([row(1)])
    write(ledger, [message(5)])
    assert signals(ask) == [("5", "PETR4"), ("legacy:1", "PETR4")]
    rounds = LegacyRounds(database, ledger)
    assert not rounds.settle()
    assert fates() == {"1": ("known", "5")}
    assert signals(ask) == [("5", "PETR4")]
    # nothing new, nothing done
    before = ledger.commit_number()
    assert not rounds.settle()
    assert ledger.commit_number() == before


def test_a_round_does_nothing_where_there_are_no_old_rows(database: Database, ledger: Ledger) -> None:
    deliver(ledger, [message(5)])
    before = ledger.commit_number()
    assert not LegacyRounds(database, ledger).settle()
    assert ledger.commit_number() == before


def test_a_run_looks_first_at_all_messages_there_are(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    """More than one round takes, in commits of several sizes."""
    deliver(ledger, [message(n, f"{TEXT}\nNota {n}") for n in range(1, 2500)], page=700)
    old.catch_up()
    old.take([row(1, f"{TEXT}\nNota 1"), row(2, f"{TEXT}\nNota 2499"), row(3, OTHER)])
    assert fates() == {"1": ("known", "1"), "2": ("known", "2499"), "3": ("kept", "legacy:3")}
    assert ask("select count(*) from message_texts") == [{"count": 2499}]


def test_rows_settled_before_rounds_were_made_stay_settled(
    migrated_url: str, timers: TimerThread, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    """The migration finds messages and rows that the former release has settled as it wrote them."""
    ledger = old._ledger
    deliver(ledger, [message(n, f"{TEXT}\nNota {n}") for n in range(1, 1500)])
    old.catch_up()
    old.take([row(1, f"{TEXT}\nNota 1"), row(2, f"{TEXT}\nNota 1499"), row(3, OTHER)])
    before = fates()
    ask("create index ledger_text on ledger (channel, text_digest(text, caption))")
    ask("drop table legacy_settled")
    ask("drop index ledger_commit")
    ask("delete from message_texts")
    ask("alter table message_texts drop column commit_number")
    ask("delete from schema_migrations where name = 'settling'")
    migrate(migrated_url, schema="signals", strategy=Strategy.NEON, timers=timers, engine_role=ENGINE_ROLE)
    deliver(ledger, [message(5000, "Bom dia")])
    assert fates() == before
    deliver(ledger, [message(5001, OTHER)])
    assert fates() == before | {"3": ("known", "5001")}


def report_of_problems(old: LegacyImport) -> tuple[str, ...]:
    return report(old._database, retention=RETENTION).problems


@pytest.mark.parametrize("first", ["row", "message"])
def test_fault_44_a_message_without_a_date_is_matched_by_its_text(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates, first: str
) -> None:
    weeks = timedelta(weeks=6)
    rows = [row(1, ts=AT - weeks), row(2, OTHER, ts=AT - weeks)]
    posted = [message(5, telegram_date=None), message(6, OTHER)]
    if first == "row":
        old.take(rows)
    deliver(ledger, posted)
    if first == "message":
        old.take(rows)
    assert fates() == {"1": ("known", "5"), "2": ("kept", "legacy:2")}
    assert signals(ask) == [("5", "PETR4"), ("6", "VALE3"), ("legacy:2", "VALE3")]
    assert report_of_problems(old) == ()


def test_fault_44_a_date_that_comes_later_takes_no_message_away(
    ledger: Ledger, old: LegacyImport, fates: Fates
) -> None:
    old.take([row(1, ts=AT - timedelta(weeks=6))])
    deliver(ledger, [message(5, telegram_date=None)])
    deliver(ledger, [message(5, TEXT + "\nPrazo: 10/12", updated_at=AT + timedelta(hours=1))])
    assert fates() == {"1": ("known", "5")}
    assert report_of_problems(old) == ()


def test_a_caption_is_a_text(ledger: Ledger, old: LegacyImport, fates: Fates) -> None:
    old.take([row(1), row(2, OTHER)])
    deliver(ledger, [message(5, None, caption=TEXT), message(6, " \r\n", caption=OTHER)])
    assert fates() == {"1": ("known", "5"), "2": ("known", "6")}


def test_one_row_is_one_message(ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates) -> None:
    """The same text three times in a day is three signals; the former service has seen two of them."""
    old.take([row(1), row(2, minutes=300)])
    deliver(ledger, [message(7, minutes=300), message(6, minutes=2), message(5)])
    assert fates() == {"1": ("known", "5"), "2": ("known", "7")}
    assert [key for key, _ in signals(ask)] == ["5", "6", "7"]


def test_a_nearer_row_takes_the_message_and_the_other_stands_alone(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    deliver(ledger, [message(5, minutes=30)])
    old.take([row(1)])
    assert fates() == {"1": ("known", "5")}
    old.take([row(2, minutes=30)])
    assert fates() == {"1": ("kept", "legacy:1"), "2": ("known", "5")}
    assert [key for key, _ in signals(ask)] == ["5", "legacy:1"]
    assert report_of_problems(old) == ()


def test_rows_may_change_places(ledger: Ledger, old: LegacyImport, fates: Fates) -> None:
    deliver(ledger, [message(5, minutes=30)])
    old.take([row(1)])
    deliver(ledger, [message(6, minutes=60)])
    old.take([row(2, minutes=31), row(3, minutes=61)])
    assert fates() == {"1": ("kept", "legacy:1"), "2": ("known", "5"), "3": ("known", "6")}


@pytest.mark.parametrize("days", [1.01, -1.01])
def test_over_a_day_apart_is_another_message(
    ledger: Ledger, old: LegacyImport, fates: Fates, days: float
) -> None:
    old.take([row(1)])
    deliver(ledger, [message(5, minutes=days * 24 * 60)])
    assert fates() == {"1": ("kept", "legacy:1")}


def test_another_channel_is_another_message(ledger: Ledger, old: LegacyImport, fates: Fates) -> None:
    old.take([row(1, channel="-1002")])
    deliver(ledger, [message(5)])
    assert fates() == {"1": ("kept", "legacy:1")}


def test_a_missing_date_is_the_time_of_receipt(ledger: Ledger, old: LegacyImport, fates: Fates) -> None:
    old.take([row(1, minutes=0.1)])
    deliver(ledger, [message(5, telegram_date=None)])
    assert fates() == {"1": ("known", "5")}


def test_doubles_of_the_old_table_are_one_signal_fault_8(
    database: Database, ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    old.take([row(1), row(2), row(3, minutes=1)])
    old.take([row(4), row(5, stop=Decimal("28.00"))])
    expected = {
        "1": ("kept", "legacy:1"),
        "2": ("double", None),
        "3": ("kept", "legacy:3"),
        "4": ("double", None),
        "5": ("double", None),
    }
    assert fates() == expected
    assert [key for key, _ in signals(ask)] == ["legacy:1", "legacy:3"]
    deliver(ledger, [message(5)])
    assert fates() == expected | {"1": ("known", "5")}
    (note,) = report_of(database).notes
    assert (note.what, note.legacy_id) == ("double", "5")
    assert "row 1" in note.detail


def test_past_retention_is_in_the_ledger_only(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    days = -24 * 60 * 95
    old.take([row(1, minutes=days), row(2, OTHER, minutes=days)])
    assert fates() == {"1": ("expired", "legacy:1"), "2": ("expired", "legacy:2")}
    deliver(ledger, [message(5, minutes=days)])
    assert fates() == {"1": ("known", "5"), "2": ("expired", "legacy:2")}
    assert ledger.counts() == {"expired": 2}
    assert signals(ask) == []


def test_a_message_that_is_no_signal_takes_the_row_with_it(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    """The former service took a cancellation for a signal (fault 10); the message says what it is."""
    text = "❌ Operação CANCELADA - desconsiderem o sinal de CSAN3"
    old.take([row(1, text)])
    assert signals(ask) == [("legacy:1", "PETR4")]
    deliver(ledger, [message(5, text)])
    assert fates() == {"1": ("known", "5")}
    assert signals(ask) == []
    assert ledger.counts() == {"cancel": 1}


def test_a_row_without_a_text_is_like_no_other(ledger: Ledger, old: LegacyImport, fates: Fates) -> None:
    old.take([row(1, ""), row(2, " \r\n")])
    deliver(ledger, [message(5, ""), message(6, None)])
    assert fates() == {"1": ("kept", "legacy:1"), "2": ("kept", "legacy:2")}


def test_checkpoints_and_what_cannot_be_used_stand_apart(
    database: Database, ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    old.take(
        [
            row(1, asset="__checkpoint__"),
            row(2, channel=None),
            row(3, OTHER),
            row(4, buy_min="NaN"),
            row(5, asset="A" * 100_000),
            row(6, "Bom dia!", stop=Decimal("1E+200000")),
            # no index takes it, whatever it is compressed to
            row(7, "Bom dia, 7!", asset=random.Random(7).randbytes(10_000).hex()),
        ]
    )
    assert {legacy_id: fate for legacy_id, (fate, _) in fates().items()} == {
        "1": "checkpoint",
        "2": "refused",
        "3": "kept",
        "4": "refused",
        "5": "kept",
        "6": "refused",
        "7": "refused",
    }
    notes = {note.legacy_id: note.detail for note in report_of(database).notes if note.what == "refused"}
    assert notes.keys() == {"2", "4", "6", "7"}
    assert "index row" in (notes["7"] or "")
    assert notes["2"] == "channel: missing"
    assert DeadLetters(database).count() == 0
    assert [key for key, _ in signals(ask)] == ["legacy:3", "legacy:5"]


# ── edited messages, dead letters, events ────────────────────────────────────


def edited(number: int, text: str, minutes: float) -> ChannelMessage:
    return message(number, text, updated_at=AT + timedelta(minutes=minutes))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_message_is_known_by_any_text_it_had(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates, place: int
) -> None:
    steps: list[Callable[[], None]] = [
        lambda: deliver(ledger, [edited(5, TEXT, 1)]),
        lambda: deliver(ledger, [edited(5, OTHER, 2)]),
    ]
    steps.insert(place, lambda: old.take([row(1)]))
    for step in steps:
        step()
    assert fates() == {"1": ("known", "5")}
    assert signals(ask) == [("5", "VALE3")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_message_is_known_by_an_older_text_that_comes_late(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates, place: int
) -> None:
    steps: list[Callable[[], None]] = [
        lambda: deliver(ledger, [edited(5, OTHER, 2)]),
        lambda: deliver(ledger, [edited(5, TEXT, 1)]),
    ]
    steps.insert(place, lambda: old.take([row(1)]))
    for step in steps:
        step()
    assert fates() == {"1": ("known", "5")}
    assert signals(ask) == [("5", "VALE3")]


def test_both_texts_of_an_edited_message_may_be_rows(
    ledger: Ledger, old: LegacyImport, ask: Ask, fates: Fates
) -> None:
    old.take([row(1), row(2, OTHER)])
    deliver(ledger, [edited(5, TEXT, 1)])
    deliver(ledger, [edited(5, OTHER, 2)])
    assert fates() == {"1": ("known", "5"), "2": ("known", "5")}
    assert signals(ask) == [("5", "VALE3")]


def test_an_edit_that_was_never_seen_is_told_of(
    database: Database, ledger: Ledger, old: LegacyImport
) -> None:
    old.take([row(1)])
    deliver(ledger, [message(5, OTHER)])
    (note,) = report_of(database).notes
    assert (note.what, note.legacy_id) == ("edited", "1")
    assert "message 5" in note.detail


def test_a_dead_letter_takes_the_place_once_it_can_be_read(
    ledger: Ledger, old: LegacyImport, fates: Fates
) -> None:
    ledger.record([malformed(5)])
    old.take([row(1)])
    assert fates() == {"1": ("kept", "legacy:1")}
    deliver(ledger, [message(5)])
    assert fates() == {"1": ("known", "5")}


def test_a_message_that_changes_its_date_keeps_its_row(
    ledger: Ledger, old: LegacyImport, fates: Fates
) -> None:
    deliver(ledger, [message(5)])
    old.take([row(1)])
    later = message(5, minutes=60 * 30)
    outcome = settle(later, now=datetime.now(UTC), policy=OutcomePolicy(retention=RETENTION))
    assert ledger.record([outcome], reread=True).moved
    old.take([row(2, OTHER)])
    deliver(ledger, [later])
    assert fates()["1"] == ("known", "5")


def test_events_speak_of_the_message_that_took_the_place(
    database: Database, ledger: Ledger, old: LegacyImport
) -> None:
    old.take([row(1)])
    deliver(ledger, [message(6, "PETR4 ALVO 1 ATINGIDO ✅", minutes=5)])

    def served() -> dict[str, str]:
        page = Signals(database, retention=RETENTION).find(SignalQuery())
        return {row["message_id"]: row["status"] for row in page.rows}

    assert served() == {"legacy:1": "target_1"}
    deliver(ledger, [message(5)])
    assert served() == {"5": "target_1"}


# ── reading again ────────────────────────────────────────────────────────────


def test_replay_reads_rows_taken_from_their_text_and_passes_the_others_over(
    database: Database, ledger: Ledger, old: LegacyImport, ask: Ask
) -> None:
    old.take([row(1), row(2, OTHER, stop=Decimal("1.00")), row(3, "Bom dia!")])
    before = signals(ask)
    policy = OutcomePolicy(retention=RETENTION)
    again = Replay(Archive(database), ledger, policy=policy, now=datetime.now(UTC))
    assert list(again.run(channel=None, since=None, apply=True)) == []
    assert (again.report.messages, again.report.passed_over) == (1, 2)
    assert "2 rows of the former service's table skipped" in again.report.words(applied=True)
    assert signals(ask) == before


# ── resuming ─────────────────────────────────────────────────────────────────


def test_rows_that_have_been_taken_are_passed_over(
    old: LegacyImport, ask: Ask, fates: Fates, ledger: Ledger
) -> None:
    old.take([row(1), row(2, OTHER)])
    before = (fates(), signals(ask), ledger.counts())
    assert (old.last_taken(), old.count()) == ("2", 2)
    old.take([row(1), row(2, OTHER), row(3, minutes=5)])
    assert (old.last_taken(), old.count()) == ("3", 3)
    del (after := fates())["3"]
    assert after == before[0]
    assert len(signals(ask)) == 3


def test_another_table_under_the_same_ids_is_refused(old: LegacyImport, fates: Fates) -> None:
    old.take([row(1), row(2, OTHER)])
    before = fates()
    with pytest.raises(AnotherTableError, match="row 2"):
        old.take([row(1, updated_at="2026-01-01"), row(2, OTHER, minutes=1), row(3)])
    assert fates() == before


def test_a_role_that_may_only_read_and_write_is_enough(
    database_url: str, direct_url: str, timers: TimerThread, old_role: str
) -> None:
    migrate(database_url, schema="signals", strategy=Strategy.NEON, timers=timers, engine_role=old_role)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"alter role {old_role} login password 'x'".encode())
    # the tests' pooler knows no role of a moment
    conninfo = psycopg.conninfo.make_conninfo(direct_url, user=old_role, password="x")
    database = Database(conninfo, schema="signals", pool_max=4, timers=timers)
    try:
        database.open()
        ledger = Ledger(database, grammar_version="g1")
        old = LegacyImport(database, ledger, LegacyReader(retention=RETENTION, now=datetime.now(UTC)).take)
        old.take([row(1), row(2, OTHER)])
        deliver(ledger, [message(5), edited(6, "Bom dia", 0)])
        deliver(ledger, [edited(6, OTHER, 5)])
        assert report_of(database).fates["known"].rows == 2
    finally:
        database.close()


@pytest.fixture
def old_role(database_url: str) -> Any:
    """Make a role that owns nothing."""
    name = "legacy_reader_role"
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"create role {name}".encode())
        yield name
        owner.execute(f"drop owned by {name}".encode())
        owner.execute(f"drop role {name}".encode())


# ── one definition of a text ─────────────────────────────────────────────────

WHITE = st.text(st.sampled_from(" \t\n\r\v\f\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=WHITE, after=WHITE, body=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
def test_white_space_around_and_carriage_returns_make_no_other_text(
    database: Database, before: str, after: str, body: str
) -> None:
    asked = "select signals.text_digest(%s, null) = signals.text_digest(null, %s) as same"
    shown = f"{before}x{body}x{after}"
    row = database.read(
        lambda cursor: cursor.execute(asked, [shown, f"x{body}x".replace("\r", "")]).fetchone()
    )
    assert row == {"same": True}


@pytest.mark.parametrize(
    "texts", [(TEXT, OTHER), (TEXT, TEXT.replace("\n", " ")), (TEXT, TEXT + "."), ("a", "A")]
)
def test_other_texts_are_other_texts(database: Database, texts: Sequence[str]) -> None:
    asked = "select signals.text_digest(%s, null) = signals.text_digest(%s, null) as same"
    assert database.read(lambda c: c.execute(asked, list(texts)).fetchone()) == {"same": False}


def test_the_channel_of_these_tests_is_that_of_the_rows() -> None:
    assert row(1).channel == CHANNEL
