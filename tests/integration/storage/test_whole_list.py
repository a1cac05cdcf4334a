"""The whole list in parts: one state, each signal once, whatever is written between two parts."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.stores import RETENTION
from storage.postgres import whole_list
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.orders import After
from storage.postgres.page_query import SignalQuery, weeks_of
from storage.postgres.signals import Signals
from storage.postgres.whole_list import WholeList
from tests.support.outcomes import a_message, a_signal, signal_outcome

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
#: spread over weeks, two at each instant
HOURS = [hours for hours in (1, 2, 30, 100, 167, 168, 169, 400, 1000, 2100) for _ in range(2)]
Store = Callable[..., None]
_EVENT = """
with next as (update commits set number = number + 1 returning number)
insert into signal_events (channel, message_id, position, ts, kind, stop_hit, signal_message_id, signal_position,
    commit_number)
select channel, %s, 0, now(), 'result', true, message_id, position, number
from tp_capital_signals, next where message_id = %s
"""


@pytest.fixture
def store(ledger: Ledger) -> Store:
    """Store message ``number``, dated so many hours ago; with ``edits`` its text is a later one."""

    def put(number: int, hours: float, asset: str = "PETR4", *, edits: int = 0, gone: bool = False) -> None:
        at = NOW - HOUR * hours
        message = a_message(
            number,
            received_at=at,
            telegram_date=at,
            updated_at=at + edits * timedelta(seconds=1),
            text=f"{number} {edits}",
        )
        outcome = signal_outcome(message, a_signal(asset))
        ledger.record([replace(outcome, signals=()) if gone else outcome])

    return put


@pytest.fixture
def whole(database: Database, monkeypatch: pytest.MonkeyPatch) -> WholeList:
    monkeypatch.setattr(whole_list, "PART_ROWS", 3)
    return WholeList(database, Signals(database, retention=RETENTION), retention=RETENTION)


def rows_of(parts: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part]


@pytest.mark.every_way
@pytest.mark.parametrize("ascending", [False, True])
def test_the_list_is_that_of_its_beginning(
    database: Database, whole: WholeList, store: Store, ask: Callable[..., object], *, ascending: bool
) -> None:
    for number, hours in enumerate(HOURS):
        store(number, hours)
    query = SignalQuery(limit=1000, ascending=ascending)
    expected = Signals(database, retention=RETENTION).find(query).rows
    parts = whole.parts(query)
    found = [next(parts)]
    dice = random.Random(1)
    for number, part in enumerate(parts, 1):
        found.append(part)
        idle = database.stats()["read"]
        assert idle.available == idle.size, "no connection is held"
        # another signal at any place, one that is replaced, one that is removed, and one that is stopped
        store(100 + number, dice.choice(HOURS))
        for gone in (False, True):
            changed = dice.randrange(len(HOURS))
            store(changed, HOURS[changed], "VALE3", edits=number, gone=gone)
        ask(_EVENT, f"e{number}", str(dice.randrange(len(HOURS))))
    assert rows_of(found) == expected
    assert max(map(len, found)) == 3
    again = rows_of(list(whole.parts(query)))
    assert again == Signals(database, retention=RETENTION).find(query).rows
    assert again != expected


@pytest.mark.parametrize(
    "query",
    [
        SignalQuery(),
        SignalQuery(ascending=True),
        SignalQuery(asset=("vale3",)),
        SignalQuery(search="1 0", since=NOW - 500 * HOUR),
        SignalQuery(until=NOW - 20 * HOUR, since=NOW - 168 * HOUR),
        SignalQuery(signal_type=("swing trade",), side=("buy",)),
        SignalQuery(side=("sell",)),
        SignalQuery(status=("waiting", "target")),
        SignalQuery(status=("stopped",)),
        SignalQuery(status=("valid",)),
        SignalQuery(status=("valid",), outcome=("not_ended",)),
        SignalQuery(outcome=("ended",)),
        SignalQuery(since=NOW + HOUR),
        SignalQuery(until=NOW - 3000 * HOUR),
    ],
)
def test_a_list_has_what_its_pages_have(
    database: Database, whole: WholeList, store: Store, query: SignalQuery
) -> None:
    for number, hours in enumerate((*HOURS, -1, -300, 24 * 90 + 1)):
        store(number, hours, "VALE3" if number % 2 else "PETR4")
    signals = Signals(database, retention=RETENTION)
    everything = signals.find(replace(query, limit=1000))
    assert rows_of(list(whole.parts(query))) == everything.rows
    if len(everything.places) > 4:
        place = everything.places[3]
        after = replace(query, after=After(ts=place.ts, id=place.id))
        assert rows_of(list(whole.parts(after))) == everything.rows[4:]


instants = st.none() | st.integers(-120, 20).map(lambda days: NOW + timedelta(days=days))


@given(since=instants, until=instants, after=instants, ascending=st.booleans())
def test_the_weeks_of_a_list_leave_no_instant_out(
    *, since: datetime | None, until: datetime | None, after: datetime | None, ascending: bool
) -> None:
    query = SignalQuery(
        since=since, until=until, after=After(ts=after, id=7) if after else None, ascending=ascending
    )
    oldest = NOW - RETENTION
    weeks = list(weeks_of(query, now=NOW, oldest=oldest))
    in_order = weeks if ascending else weeks[::-1]
    for before, week in pairwise(in_order):
        assert before[1] == week[0]
    first, last = in_order[0][0], in_order[-1][1]
    given_first = [one for one in (since, after if ascending else None, oldest) if one]
    given_last = [one for one in (until, None if ascending else after) if one]
    assert (first, last) == (max(given_first), min(given_last, default=None))
    lengths = [end - start for start, end in in_order if start and end]
    assert all(length <= timedelta(days=7) for length in lengths if last is None or last <= NOW)
