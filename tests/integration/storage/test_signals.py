"""Reading signals: every filter in the query, pages that stay true while rows are added."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Side, Signal
from storage.errors import DatabaseMisconfiguredError
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.orders import After, decode_cursor, encode_cursor
from storage.postgres.page_query import SignalQuery
from storage.postgres.probe import DatabaseProbe
from storage.postgres.signals import Signals
from tests.support.databases import SCHEMA
from tests.support.outcomes import OTHER_CHANNEL, a_message, a_signal, signal_outcome

pytestmark = pytest.mark.every_way

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def signals(database: Database) -> Signals:
    return Signals(database, retention=timedelta(days=90))


@pytest.fixture
def store(ledger: Ledger) -> Callable[..., None]:
    """Store message ``number``, dated so many hours ago, with one signal or those given."""

    def put(number: int, *given_signals: Signal, hours_ago: float | None = None, **changes: Any) -> None:
        at = NOW - HOUR * (number if hours_ago is None else hours_ago)
        message = a_message(number, received_at=at, telegram_date=at, updated_at=at, **changes)
        ledger.record([signal_outcome(message, *given_signals)])

    return put


def ids(signals: Signals, **query: Any) -> list[str]:
    return [row["message_id"] for row in signals.find(SignalQuery(**query)).rows]


def walk(signals: Signals, **query: Any) -> list[str]:
    """Read all pages one after the other."""
    found: list[str] = []
    after = None
    while True:
        page = signals.find(SignalQuery(after=after, **query))
        found += [row["message_id"] for row in page.rows]
        if page.after is None:
            return found
        after = decode_cursor(encode_cursor(page.after))


def test_fault_93_the_probe_asks_for_what_readers_ask_for(database: Database, migrated_url: str) -> None:
    probe = DatabaseProbe(database)
    probe.look()
    with psycopg.connect(migrated_url, autocommit=True) as owner:
        owner.execute(f'alter table "{SCHEMA}".signal_events rename column new_stop to gone'.encode())
    with pytest.raises(DatabaseMisconfiguredError, match=r"new_stop.*tp-capital migrate"):
        probe.look()


def test_fault_93_a_reader_that_got_no_answer_is_told(database: Database) -> None:
    probe = DatabaseProbe(database)
    assert probe.readers_trouble() is None
    with pytest.raises(DatabaseMisconfiguredError):
        database.read(lambda cursor: cursor.execute("select from no_such_table"))
    assert "no_such_table" in str(probe.readers_trouble())


def test_a_fresh_schema_has_an_empty_page_fault_27(signals: Signals) -> None:
    page = signals.find(SignalQuery())
    assert (page.places, page.rows, page.after) == ([], [], None)


def test_the_newest_come_first_whatever_the_order_of_arrival(
    signals: Signals, store: Callable[..., None]
) -> None:
    for number in (2, 1, 3):
        store(number)
    assert ids(signals) == ["1", "2", "3"]
    assert ids(signals, ascending=True) == ["3", "2", "1"]


def test_a_limit_tells_whether_more_follows_fault_24(signals: Signals, store: Callable[..., None]) -> None:
    for number in range(1, 4):
        store(number)
    for limit, more in ((2, True), (3, False), (4, False)):
        page = signals.find(SignalQuery(limit=limit))
        assert (len(page.rows), page.after is not None) == (min(limit, 3), more)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"channel": (OTHER_CHANNEL,)}, ["2"]),
        ({"channel": ("none",)}, []),
        ({"asset": ("VALE3", "NONE3")}, ["3"]),
        ({"asset": ("vale3",)}, ["3"]),
        ({"asset": ("VALE",)}, []),
        ({"side": ("sell",)}, ["4"]),
        ({"signal_type": ("day trade", "none")}, ["5"]),
        ({"since": NOW - 2.5 * HOUR}, ["1", "2"]),
        ({"until": NOW - 4 * HOUR}, ["4", "5"]),
        ({"since": NOW - 4 * HOUR, "until": NOW - 3 * HOUR}, ["3", "4"]),
        ({"search": "vale"}, ["3"]),
        ({"search": "ATEN"}, ["1"]),
        ({"search": "text"}, ["2", "3", "4", "5"]),
        ({"search": "text", "side": ("buy",), "channel": (OTHER_CHANNEL,)}, ["2"]),
        ({"search": "text", "limit": 1}, ["2"]),
    ],
)
def test_each_filter_and_their_mix_reach_the_query_fault_23(
    signals: Signals, store: Callable[..., None], query: dict[str, Any], expected: list[str]
) -> None:
    store(1, text="atenção")
    store(2, channel=OTHER_CHANNEL)
    store(3, a_signal("VALE3"))
    store(4, a_signal(side=Side.SELL))
    store(5, a_signal(signal_type="Day Trade"))
    assert ids(signals, **query) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [("50%", ["1"]), ("a_b", ["2"]), ("\\", ["3"]), ("%", ["1"]), ("_", ["2"]), ("'", [])],
)
def test_the_searchs_characters_stand_for_themselves(
    signals: Signals, store: Callable[..., None], search: str, expected: list[str]
) -> None:
    for number, text in enumerate(("50% off", "a_b", "back\\slash", "501 acb"), 1):
        store(number, text=text)
    assert ids(signals, search=search) == expected


def test_search_looks_behind_the_first_page_fault_23(signals: Signals, store: Callable[..., None]) -> None:
    for number in range(1, 8):
        store(number)
    store(9, text="needle")
    assert ids(signals, search="needle", limit=2) == ["9"]


def test_what_is_past_the_retention_is_not_served(signals: Signals, store: Callable[..., None]) -> None:
    store(1, hours_ago=24 * 90 - 1)
    store(2, hours_ago=24 * 90 + 1)
    assert ids(signals) == ["1"]
    assert ids(signals, since=NOW - timedelta(days=900)) == ["1"]


def test_signals_of_one_instant_are_all_found_over_pages(
    signals: Signals, store: Callable[..., None]
) -> None:
    store(1, *(a_signal(f"A{position}", position=position) for position in range(7)), hours_ago=1)
    store(2, hours_ago=1)
    for ascending in (False, True):
        assert sorted(walk(signals, limit=3, ascending=ascending)) == ["1"] * 7 + ["2"]


@pytest.mark.parametrize("ascending", [False, True])
def test_a_cursor_stays_true_while_signals_are_added(
    signals: Signals, store: Callable[..., None], *, ascending: bool
) -> None:
    for number in range(10, 16):
        store(number)
    first = signals.find(SignalQuery(limit=3, ascending=ascending))
    store(1)
    store(12, hours_ago=12)  # a duplicate
    store(90)
    last = first.rows[-1]
    rest = ids(signals, after=After(ts=last["ts"], id=last["id"]), ascending=ascending)
    if ascending:
        assert [row["message_id"] for row in first.rows] == ["15", "14", "13"]
        assert rest == ["12", "11", "10", "1"]
    else:
        assert [row["message_id"] for row in first.rows] == ["10", "11", "12"]
        assert rest == ["13", "14", "15", "90"]


def test_a_page_after_a_superseded_signal_goes_on(
    signals: Signals, store: Callable[..., None], ledger: Ledger
) -> None:
    for number in range(1, 6):
        store(number)
    first = signals.find(SignalQuery(limit=2))
    at = NOW - 2 * HOUR
    message = a_message(2, received_at=at, telegram_date=at, updated_at=at + HOUR, text="edited")
    ledger.record([replace(signal_outcome(message), signals=())])
    last = first.rows[-1]
    assert ids(signals, after=After(ts=last["ts"], id=last["id"])) == ["3", "4", "5"]


def test_a_row_has_what_the_answer_needs(
    signals: Signals, store: Callable[..., None], ledger: Ledger
) -> None:
    store(1, a_signal(warnings=("odd",), valid_until="30/11"))
    (row,) = signals.find(SignalQuery()).rows
    assert (row["warnings"], row["valid_until"], row["raw_message"]) == (["odd"], "30/11", "text 1")
    assert [str(target) for target in row["targets"]] == ["31.00", "32.0"]
    assert (row["events"], row["status"]) == ([], "waiting")
    assert row["commit_number"] == ledger.commit_number()


@given(st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)), st.integers(0, 2**63 - 1))  # noqa: DTZ001
def test_a_cursor_is_its_place_and_fits_a_url(ts: datetime, signal_id: int) -> None:
    cursor = encode_cursor(After(ts=ts, id=signal_id))
    assert decode_cursor(cursor) == After(ts=ts, id=signal_id)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text())
def test_any_other_word_is_refused_or_a_place(word: str) -> None:
    try:
        place = decode_cursor(word)
    except ValueError as error:
        refusal = str(error)
        assert refusal == "not a cursor that this service has given out"
    else:
        assert place.ts.tzinfo
        assert place.id >= 0
