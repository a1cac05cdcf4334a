"""Weeks of signals: made ahead, dropped when all of one is past retention; nothing is lost between."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from engine.model import OutcomeKind
from engine.timers import TimerThread
from ops.local.roles import ENGINE_ROLE
from storage.postgres import layout as layout_module
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.retention import Retention
from storage.postgres.schema import Strategy, migrate
from storage.postgres.signals import Signals
from tests.support.outcomes import a_message, signal_outcome

DAY = timedelta(days=1)
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def retention(database: Database) -> Retention:
    return Retention(database)


def store(ledger: Ledger, *days_ago: float) -> None:
    """Store one signal for each age, by a message of that number."""
    for number, days in enumerate(days_ago, 1):
        at = datetime.now(UTC) - DAY * days
        ledger.record([signal_outcome(a_message(number, received_at=at, telegram_date=at, updated_at=at))])


def partitions(ask: Ask) -> list[str]:
    return [
        row["name"]
        for row in ask(
            "select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid"
            " where inhparent = 'signals.tp_capital_signals'::regclass order by 1"
        )
    ]


def test_weeks_reach_from_the_retention_to_four_weeks_ahead(retention: Retention, ask: Ask) -> None:
    kept = retention.keep()
    now = datetime.now(UTC)
    assert (kept.made, kept.dropped, kept.problem) == (0, 0, None), "migrating has made them"
    assert kept.ahead_until is not None
    assert now + 28 * DAY < kept.ahead_until < now + 36 * DAY
    oldest = min(name for name in partitions(ask) if not name.endswith("default"))
    start = datetime.strptime(oldest[-8:], "%Y%m%d").replace(tzinfo=UTC)
    assert now - 97 * DAY <= start <= now - 90 * DAY
    assert start.weekday() == 0


def test_signals_of_89_days_are_served_and_of_91_days_are_not(
    database: Database, ledger: Ledger, retention: Retention
) -> None:
    store(ledger, 89, 91)
    signals = Signals(database, retention=90 * DAY)
    for _ in range(2):
        assert [row["message_id"] for row in signals.find(SignalQuery()).rows] == ["1"]
        retention.keep()


def test_a_week_goes_once_all_of_it_is_past_retention(retention: Retention, ask: Ask, ledger: Ledger) -> None:
    store(ledger, 1)
    old = "tp_capital_signals_20200106"
    ask(f"create table signals.{old} (like signals.tp_capital_signals)")
    ask(
        f"alter table signals.tp_capital_signals attach partition signals.{old}"
        " for values from ('2020-01-06 00:00+00') to ('2020-01-13 00:00+00')"
    )
    before = partitions(ask)
    assert old in before
    assert retention.keep().dropped == 1
    assert partitions(ask) == [name for name in before if name != old]
    assert len(ask("select 1 from signals.tp_capital_signals")) == 1
    assert len(ask("select 1 from signals.ledger")) == 1, "the ledger is for good"


def test_a_signal_beyond_the_weeks_made_is_stored_told_and_moved_when_its_week_is_made(
    ledger: Ledger, retention: Retention, ask: Ask
) -> None:
    last_week_ends = retention.keep().ahead_until
    assert last_week_ends is not None
    within_last_week = (last_week_ends - DAY - datetime.now(UTC)) / DAY
    store(ledger, -within_last_week, -200)
    week = next(name for name in reversed(partitions(ask)) if name[-8:].isdigit())
    ask(f"alter table signals.tp_capital_signals detach partition {week}")
    ask(f"insert into signals.tp_capital_signals select * from {week}")
    ask(f"drop table {week}")
    in_default = "select message_id from signals.tp_capital_signals_default order by 1"
    assert [row["message_id"] for row in ask(in_default)] == ["1", "2"]
    kept = retention.keep()
    assert kept.made == 1
    assert kept.problem is not None
    assert kept.problem.startswith("1 signals are dated further ahead")
    assert [row["message_id"] for row in ask(in_default)] == ["2"]
    assert len(ask("select 1 from signals.tp_capital_signals")) == 2


def test_what_is_past_retention_in_the_default_partition_goes_too(
    ledger: Ledger, retention: Retention, ask: Ask
) -> None:
    store(ledger, 120, 1)
    retention.keep()
    assert [row["message_id"] for row in ask("select message_id from signals.tp_capital_signals")] == ["2"]


def test_a_schema_of_an_earlier_layout_is_arranged_anew_with_all_rows_and_numbers(
    migrated_url: str, ledger: Ledger, ask: Ask, timers: TimerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(ledger, 1, 30, 200)
    before = ask("select * from signals.tp_capital_signals order by id")
    monkeypatch.setattr(layout_module, "_VERSION", 2)
    assert migrate(migrated_url, schema="signals", strategy=Strategy.NEON, timers=timers) == (
        "partitions",
        "search_index",
    )
    assert ask("select * from signals.tp_capital_signals order by id") == before
    names = ask("select indexname as name from pg_indexes where tablename = 'tp_capital_signals' order by 1")
    assert [row["name"] for row in names] == [
        f"tp_capital_signals_{key}"
        for key in (
            *("asset_counts", "channel", "channel_message_id_position_ts_key", "commit", "newest", "pkey"),
            *("search", "type"),
        )
    ]
    ledger.record([signal_outcome(a_message(9))])
    after = ask("select max(id) as newest from signals.tp_capital_signals")
    assert after[0]["newest"] > before[-1]["id"]
    assert not [name for name in partitions(ask) if name.endswith("before")]


def test_a_table_of_before_the_layouts_is_arranged(
    migrated_url: str, ledger: Ledger, ask: Ask, timers: TimerThread
) -> None:
    """As the first schema made it: plain, with its keys, an identity and rows."""
    store(ledger, 1, 2)
    ask("create table signals.plain (like signals.tp_capital_signals including all)")
    ask("insert into signals.plain select * from signals.tp_capital_signals")
    ask("drop table signals.tp_capital_signals")
    ask("alter table signals.plain rename to tp_capital_signals")
    ask("alter index signals.plain_pkey rename to tp_capital_signals_pkey")
    ask("select setval('signals.plain_id_seq', 40)")
    ask("delete from signals.layout")
    assert migrate(
        migrated_url, schema="signals", strategy=Strategy.NEON, timers=timers, engine_role=ENGINE_ROLE
    ) == ("partitions", "search_index")
    ledger.record([signal_outcome(a_message(9))])
    rows = ask("select id, message_id from signals.tp_capital_signals order by id")
    assert [row["message_id"] for row in rows] == ["1", "2", "9"]
    assert rows[-1]["id"] == 41


def test_two_daemons_may_keep_at_once(open_database: Callable[[], Database], ask: Ask) -> None:
    for name in partitions(ask)[-4:-1]:
        ask(f"drop table {name}")
    keepers = [Retention(open_database()) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        kept = [future.result() for future in [threads.submit(reconciler.keep) for reconciler in keepers]]
    assert sum(one.made for one in kept) == 3


def test_an_expired_message_stays_known(ledger: Ledger, ask: Ask) -> None:
    at = datetime.now(UTC) - 91 * DAY
    message = a_message(1, received_at=at, telegram_date=at, updated_at=at)
    outcome = signal_outcome(message)
    expired = type(outcome)(message=message, kind=OutcomeKind.EXPIRED, reason="past retention", ts=at)
    assert ledger.record([expired]).new
    assert ledger.record([outcome]).duplicates == 1
    assert ask("select 1 from signals.tp_capital_signals") == []


def test_a_broken_database_is_told(migrated_url: str, retention: Retention) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("drop function signals.keep_retention()")
    with pytest.raises(Exception, match="keep_retention"):
        retention.keep()
