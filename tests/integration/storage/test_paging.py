"""Pages beside the naive query: whatever is asked in whatever steps, no signal is left out, doubled or out of order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.orders import After, Order, decode_cursor, encode_cursor
from storage.postgres.page_query import SignalQuery, windows_of
from storage.postgres.signals import Place, Signals
from storage.postgres.standings import fill
from tests.support.outcomes import a_message, signal_outcome

Ask = Callable[..., list[dict[str, Any]]]
DAY = timedelta(days=1)
#: far enough from the edge of the retention that no test reaches it
MARGIN = timedelta(minutes=10)
#: ages of signals: dense, with gaps longer than a window, at both sides of the retention's edge, and of times to come
AGES = [
    *(DAY * days for days in (0.1, 0.2, 0.3, 1, 3, 6.9, 7, 7.1, 8, 20, 21, 45, 46, 89)),
    *(RETENTION - MARGIN, RETENTION + MARGIN, RETENTION + DAY * 20),
    *(-MARGIN, -DAY * 3, -DAY * 40, -DAY * 4000),
]
_INSERT = """
insert into tp_capital_signals (ts, channel, message_id, position, signal_type, side, asset, targets, warnings,
    raw_message, source, provenance, grammar_version, commit_number, ingested_at)
values (%s, %s, %s, 0, %s, %s, %s, '{}', '{}', %s, 'telegram', '[]', 'g', 0, now())
"""
instants = st.sampled_from([*AGES, DAY * 30, DAY * 80, DAY * 200, -DAY * 20]).map(
    lambda age: datetime.now(UTC) - age
) | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
#: three signals of four share what they are ordered by with others
CHANGED = [datetime.now(UTC) - DAY * days for days in (1, 2, 50)]
STATUSES = ("waiting", "open", "target_1", "target_final", "stopped")
words = {"channel": "c", "asset": "A", "side": "s", "signal_type": "T", "search": "x"}
queries = st.builds(
    SignalQuery,
    limit=st.integers(1, 8) | st.just(1000),
    after=st.none() | st.builds(After, ts=instants, id=st.integers(0, 60)),
    since=st.none() | instants,
    until=st.none() | instants,
    ascending=st.booleans(),
    search=st.none() | st.sampled_from(["x0", "x1"]),
    status=st.lists(st.sampled_from([*STATUSES, "target", "valid"]), unique=True, max_size=3).map(tuple),
    outcome=st.lists(
        st.sampled_from(["ended", "not_ended", "running", "stopped"]), unique=True, max_size=2
    ).map(tuple),
    **{
        name: st.lists(st.sampled_from([f"{word}0", f"{word}1"]), unique=True).map(tuple)
        for name, word in words.items()
        if name != "search"
    },
)


#: other orders, and changes, are looked up beside every filter but a search, and from the first page on
orders = st.builds(
    replace,
    queries,
    order=st.sampled_from(Order),
    updated_since=st.none() | st.sampled_from(CHANGED),
    search=st.none(),
    after=st.none(),
)


@pytest.mark.every_way
def test_every_walk_of_pages_is_the_naive_query(database: Database, ask: Ask) -> None:
    now = datetime.now(UTC)
    for number, age in enumerate([*AGES, *AGES]):  # two at each instant
        one = [f"{word}{number >> bit & 1}" for bit, word in enumerate(words.values())]
        ask(_INSERT, now - age, one[0], str(number), one[3], one[2], one[1], f"raw {one[4]}")
    database.write(lambda cursor: fill(cursor, database.schema))
    for number, status in enumerate(STATUSES):
        # of those with a target, every other one still counts
        ask(
            "update signal_standings set status = %s, valid = %s in ('waiting', 'open') or (%s = 'target_1' and id %% 2 = 0)"
            " where id %% %s = %s",
            *(status, status, status, len(STATUSES), number),
        )
    for number, state in enumerate((None, "running", "stopped")):
        ask("update signal_standings set outcome = %s where id %% 7 / 2 = %s", state, number)
    for number, instant in enumerate(CHANGED):
        ratio = None if number == 0 else Decimal(number) / 4
        ask(
            "update signal_standings set updated_at = %s, reward_risk = %s where id %% 4 = %s",
            *(instant, ratio, number),
        )
    everything = ask(
        "select tp_capital_signals.*, status, valid, outcome, reward_risk, signal_standings.updated_at as changed_at from tp_capital_signals join signal_standings using (id)"
        " where tp_capital_signals.ts > now() - interval '90 days'"
    )
    assert len(everything) == 2 * (len(AGES) - 2)
    signals = Signals(database, retention=RETENTION)

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(queries | orders)
    def check(query: SignalQuery) -> None:
        expected = naive(everything, query)
        found: list[int] = []
        while True:
            page = signals.find(query)
            assert [row["id"] for row in page.rows] == [place.id for place in page.places]
            found += [place.id for place in page.places]
            if query.after is None and query.search is None:
                assert signals.find(query, counted=True).count == len(expected)
            assert (page.after is not None) == (len(found) < len(expected))
            if page.after is None:
                break
            assert len(page.places) == query.limit
            # as a client sends it
            query = replace(query, after=decode_cursor(encode_cursor(page.after)))
        assert found == expected

    check()


@given(st.builds(After, ts=instants, id=st.integers(0, 2**63 - 1)))
def test_a_place_is_the_same_after_its_way_through_an_address(after: After) -> None:
    assert decode_cursor(encode_cursor(after)) == after


def naive(everything: Sequence[dict[str, Any]], query: SignalQuery) -> list[int]:
    """Return the ids of all pages together."""

    def wanted(row: dict[str, Any]) -> bool:
        place = row["ts"], row["id"]
        after = (query.after.ts, query.after.id) if query.after else None
        return (
            (after is None or (place > after if query.ascending else place < after))
            and (query.updated_since is None or row["changed_at"] >= query.updated_since)
            and (query.since is None or row["ts"] >= query.since)
            and (query.until is None or row["ts"] <= query.until)
            and (not query.channel or row["channel"] in query.channel)
            and (not query.side or row["side"] in query.side)
            and (not query.asset or row["asset"] in query.asset)
            and (not query.signal_type or row["signal_type"].lower() in map(str.lower, query.signal_type))
            and (query.search is None or query.search in row["raw_message"])
            and (not query.status or any(_has(row, status) for status in query.status))
            and (not query.outcome or any(_is_so(row["outcome"], word) for word in query.outcome))
        )

    rows = sorted(
        filter(wanted, everything), key=lambda row: (row["ts"], row["id"]), reverse=not query.ascending
    )
    match query.order:
        case Order.ASSET | Order.ASSET_DOWN:
            rows.sort(key=lambda row: (row["ts"], row["id"]), reverse=True)
            rows.sort(key=lambda row: str(row["asset"]), reverse=query.order is Order.ASSET_DOWN)
        case Order.UPDATED_AT:
            rows.sort(key=lambda row: (row["changed_at"], row["id"]))
        case Order.REWARD_RISK:
            rows.sort(key=lambda row: (row["reward_risk"] or -1, row["id"]), reverse=True)
    return [row["id"] for row in rows]


def _is_so(outcome: str | None, wanted: str) -> bool:
    ended = outcome == "stopped"
    return outcome == wanted or (ended if wanted == "ended" else wanted == "not_ended" and not ended)


def _has(row: dict[str, Any], wanted: str) -> bool:
    if wanted == "valid":
        return bool(row["valid"])
    return row["status"] == wanted or (wanted == "target" and row["status"].startswith("target"))


@given(queries)
def test_the_last_window_is_all_and_another_one_leaves_weeks_out(query: SignalQuery) -> None:
    now = datetime.now(UTC)
    *narrow, (since, until) = windows_of(query, now=now, retention=RETENTION)
    bounds = [bound for bound in (query.since, query.until, query.after and query.after.ts) if bound]
    assert {since, until} <= {*bounds, None}
    for first, last in narrow:
        edge = (last, until) if query.ascending else (since, first)
        assert edge[0] is None or edge[1] is None or edge[0] < edge[1]


def test_a_signal_that_is_replaced_while_a_page_is_read_is_not_missing(
    database: Database, ledger: Ledger
) -> None:
    at = datetime.now(UTC) - DAY
    messages = [a_message(n, received_at=at, telegram_date=at, updated_at=at) for n in (1, 2)]
    ledger.record([signal_outcome(message) for message in messages])
    asked: list[Sequence[Place]] = []

    def edit_meanwhile(places: Sequence[Place]) -> Sequence[Place]:
        if not asked:
            edited = replace(messages[0], text="edited", updated_at=at + DAY / 2)
            ledger.record([signal_outcome(edited)])
        asked.append(places)
        return places

    rows = Signals(database, retention=RETENTION).find(SignalQuery(), edit_meanwhile).rows
    assert sorted(row["raw_message"] for row in rows) == ["edited", "text 2"]
    assert len(asked) == 2
