"""The ledger under bad values, failing messages and several writers at once."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from engine.model import Outcome
from storage.errors import RowsRefusedError
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.ledger_rows import dead_letter_of
from tests.support.outcomes import CHANNEL, a_message, a_signal, malformed, signal_outcome

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]
KEY = (CHANNEL, "1")


def assets(ask: Ask) -> list[str]:
    return [row["asset"] for row in ask("select asset from tp_capital_signals order by message_id, position")]


# ── what is refused ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"], ids=["NUL", "lone surrogate"])
@pytest.mark.parametrize("where", ["text", "caption", "source", "reply_to"])
def test_a_text_no_database_takes_is_refused_and_nothing_is_written_fault_3(
    ledger: Ledger, ask: Ask, text: str, where: str
) -> None:
    with pytest.raises(RowsRefusedError):
        ledger.record([signal_outcome(a_message(1)), signal_outcome(a_message(2, **{where: text}))])
    assert not ask("select * from ledger")
    assert not ask("select * from tp_capital_signals")
    assert ask("select number from commits") == [{"number": 0}]


@pytest.mark.parametrize(
    "changes",
    [{"stop": Decimal("1E+200000")}, {"position": 40_000}],
    ids=["huge price", "number out of range"],
)
def test_a_value_no_column_takes_is_refused_and_nothing_is_written_fault_3(
    ledger: Ledger, ask: Ask, changes: dict[str, Any]
) -> None:
    with pytest.raises(RowsRefusedError):
        ledger.record([signal_outcome(a_message(1)), signal_outcome(a_message(2), a_signal(**changes))])
    assert not ask("select * from ledger")


def test_what_was_refused_is_taken_as_a_dead_letter(ledger: Ledger, ask: Ask) -> None:
    refused = signal_outcome(a_message(1, text="a\0\ud83d", caption="\0", source="\ud83d", reply_to="\0"))
    recorded = ledger.record([dead_letter_of(refused, reason="refused", error="\0 and \ud83d")])
    assert recorded.new == {KEY}
    (letter,) = ask("select raw, reason from dead_letters")
    assert letter["raw"].isascii()
    assert not ask("select * from tp_capital_signals")


def test_a_long_text_is_stored_whole_fault_3(ledger: Ledger, ask: Ask) -> None:
    text = "".join(chr(0x4E00 + i % 20_000) for i in range(300_000))
    ledger.record([signal_outcome(a_message(1, text=text))])
    assert ask("select raw_message = %s as same from tp_capital_signals", text) == [{"same": True}]


# ── dead letters ─────────────────────────────────────────────────────────────


def test_a_dead_letter_moves_on_when_it_can_be_read(ledger: Ledger, ask: Ask) -> None:
    ledger.record([malformed(1)])
    assert ask("select resolved_at from dead_letters") == [{"resolved_at": None}]
    assert ledger.record([signal_outcome(a_message(1))]).moved == {KEY}
    assert assets(ask) == ["PETR4"]
    (letter,) = ask("select resolved_at, next_attempt_at from dead_letters")
    assert letter["resolved_at"] is not None
    assert letter["next_attempt_at"] is None


def test_a_dead_letter_never_replaces_a_reading(ledger: Ledger, ask: Ask) -> None:
    ledger.record([signal_outcome(a_message(1))])
    assert ledger.record([malformed(1)]).duplicates == 1
    assert assets(ask) == ["PETR4"]
    assert not ask("select * from dead_letters")


def test_a_failed_reread_is_kept_and_the_earlier_reading_stays(ledger: Ledger, ask: Ask) -> None:
    ledger.record([signal_outcome(a_message(1))])
    ledger.record([malformed(1)], reread=True)
    assert assets(ask) == ["PETR4"]
    assert len(ask("select * from dead_letters where resolved_at is null")) == 1


def test_each_failed_attempt_waits_twice_as_long_up_to_a_day(ledger: Ledger, ask: Ask) -> None:
    waits = []
    for attempt in range(1, 14):
        ledger.record([malformed(1, error=f"attempt {attempt}")])
        (row,) = ask(
            "select attempts, error, extract(epoch from next_attempt_at - last_at)::float8 as wait_s"
            " from dead_letters"
        )
        assert (row["attempts"], row["error"]) == (attempt, f"attempt {attempt}")
        waits.append(round(row["wait_s"] / 60))
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-2:] == [1440, 1440]


# ── several writers ──────────────────────────────────────────────────────────


def test_two_daemons_at_once_write_each_signal_once_fault_8(
    open_database: Callable[[], Database], ask: Ask
) -> None:
    ledgers = [Ledger(open_database(), grammar_version="g1") for _ in range(2)]
    batches = [
        [signal_outcome(a_message(n)) for n in range(start, start + 20)] for start in range(1, 100, 10)
    ]
    start = threading.Barrier(2)

    def work(ledger: Ledger, order: list[list[Outcome]]) -> int:
        start.wait(timeout=10)
        return sum(len(ledger.record(batch).new) for batch in order)

    with ThreadPoolExecutor(2) as threads:
        futures = [
            threads.submit(work, ledgers[0], batches),
            threads.submit(work, ledgers[1], [list(reversed(batch)) for batch in reversed(batches)]),
        ]
        new = sum(future.result(timeout=30) for future in futures)
    assert new == 110 - 1 + 1
    assert ask("select count(*) as n, count(distinct message_id) as d from tp_capital_signals") == [
        {"n": 110, "d": 110}
    ]


def test_commit_numbers_rise_in_commit_order_across_writers(
    open_database: Callable[[], Database], ask: Ask
) -> None:
    """A reader that has seen number n never sees a signal of a lower number appear later."""
    ledgers = [Ledger(open_database(), grammar_version="g1") for _ in range(3)]
    done = threading.Event()
    seen: list[set[int]] = []

    def read() -> None:
        while not done.is_set():
            seen.append({row["commit_number"] for row in ask("select commit_number from tp_capital_signals")})

    before: dict[int, int | None] = {}

    def write(ledger: Ledger, first: int) -> list[int]:
        done = [ledger.record([signal_outcome(a_message(first + i))]) for i in range(25)]
        before.update({recorded.commit_number: recorded.after for recorded in done})
        return [recorded.commit_number for recorded in done]

    with ThreadPoolExecutor(4) as threads:
        reader = threads.submit(read)
        futures = [threads.submit(write, ledger, 1000 * (i + 1)) for i, ledger in enumerate(ledgers)]
        numbers = [future.result(timeout=30) for future in futures]
        done.set()
        reader.result(timeout=10)
    assert all(mine == sorted(mine) for mine in numbers)
    assert [before[number] for number in sorted(before)] == [0, *sorted(before)[:-1]]
    assert len(before) == 75
    for earlier, later in itertools.pairwise(seen):
        assert all(number > max(earlier, default=0) for number in later - earlier)
    assert ledgers[0].commit_number() == max(map(max, numbers))


def test_a_new_daemon_goes_on_with_the_numbers(open_database: Callable[[], Database]) -> None:
    first = Ledger(open_database(), grammar_version="g1").record([]).commit_number
    assert Ledger(open_database(), grammar_version="g2").record([]).commit_number > first


def test_numbers_rise_although_the_clock_was_ahead(database: Database, ask: Ask) -> None:
    ahead = 2**52
    ask(f"update commits set number = {ahead}")
    assert Ledger(database, grammar_version="g1").record([]).commit_number == ahead + 1


def test_a_database_that_was_set_back_gives_out_no_lost_number(database: Database, ask: Ask) -> None:
    """Otherwise a page of the lost state, kept under its number, would be shown as that of the new one."""
    ledger = Ledger(database, grammar_version="g1")
    kept, *lost = (ledger.record([]).commit_number for _ in range(3))
    ask(f"update commits set number = {kept}")
    assert ledger.record([]).commit_number > max(lost)


def test_what_is_stored_later_has_a_later_instant_although_the_clock_was_set_back(
    ledger: Ledger, ask: Ask
) -> None:
    """A client that asks for changes since the last instant it has seen would otherwise miss it."""
    ledger.record([signal_outcome(a_message(1))])
    for change in (
        "update tp_capital_signals set updated_at = updated_at + interval '1 hour'",
        "update signal_standings set updated_at = updated_at + interval '1 hour'",
        "update commits set number = number + 3600000",
    ):
        ask(change)
    ledger.record([signal_outcome(a_message(2))])
    for table in ("tp_capital_signals", "signal_standings"):
        order = ask(f"select message_id from {table} order by updated_at")
        assert [row["message_id"] for row in order] == ["1", "2"]
