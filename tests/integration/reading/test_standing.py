"""Statuses that depend on the day: what is served, what the filter finds, and that both are the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.grammar import GRAMMAR_VERSION
from actors.shown.event_log import Position
from ops.http.kit.encoding import encode
from ops.http.routes.frames import event_of
from ops.http.routes.signal_objects import signal_object
from ops.http.routes.signal_texts import SignalTexts
from ops.http.routes.stream_filter import StreamFilter
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.enriched_rows import ENRICHED_COLUMNS
from storage.postgres.enrichment import EnrichedSignals
from storage.postgres.ledger import Ledger
from storage.postgres.orders import Order
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from storage.postgres.standing import day_of, midnight_after, standing_of
from storage.postgres.standing_rounds import StandingRounds
from storage.postgres.status_filter import StatusFilter
from storage.postgres.summary import Summaries, SummaryQuery
from storage.postgres.whole_list import WholeList
from tests.integration.reading.conftest import Store, message

SIGNAL = "{}\nAtivo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00\n{}"
EVENTS = (
    *("{} ALVO 1 ATINGIDO ✅", "{} alvo 2 atingido", "{} alvo final atingido", "Stop acionado em {} -3%"),
    *(
        "{} novo alvo 13,00",
        "Subir stop de {} para 10,00",
        "❌ Operação CANCELADA - desconsiderem o sinal de {}",
    ),
)
STATUSES = ("waiting", "open", "expired", "target_1", "target_2", "target_final", "stopped", "cancelled")
ASSETS = ("PETR3", "PETR4")
TODAY = day_of(datetime.now(UTC))
DAY = timedelta(days=1)
CHANNELS = itertools.count(1)


class Day:
    """The rounds of maintenance, on a day of the test's choice."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self.today = TODAY
        self.rounds = StandingRounds(
            database, ledger, now=lambda: midnight_after(self.today) - timedelta(hours=1)
        )

    def begin(self, today: date) -> None:
        """Let this day begin: work until nothing is left to do."""
        self.today = today
        while self.rounds.settle().again_s == 0:
            pass


class Says(NamedTuple):
    """What prices say of the signals of a message."""

    message: int
    state: str


class Follower:
    """A client that knows the signals from the stream alone."""

    def __init__(self, signals: Signals, ledger: Ledger, channel: str, *outcomes: str) -> None:
        self._signals, self._ledger = signals, ledger
        self._wanted = StreamFilter(channel=(channel,), by_outcome=StatusFilter.of((), outcomes))
        self._place = Position.end_of(ledger.commit_number())
        self.held: dict[int, bytes] = {}

    def follow(self, limit: int) -> None:
        """Take what has happened, in pages of so many changes."""
        end = Position.end_of(self._ledger.commit_number())
        while self._place < end:
            changes = self._signals.committed(after=self._place, upto=end.number, limit=limit)
            for event in map(event_of, changes.rows):
                assert self._place < event.place <= end
                self._place = event.place
                if (frame := self._wanted.frame_of(event)) is None:
                    continue
                kind, data = (line.partition(b": ")[2] for line in frame.splitlines()[1:3])
                name = json.loads(data)["id"]
                if kind in (b"removed", b"left"):
                    self.held.pop(name, None)
                else:
                    # a signal of an earlier page may have changed since, and then it has moved to a later one
                    assert kind == b"updated" or name not in self.held
                    self.held[name] = data
            self._place = Position(*changes.reached) if changes.reached else end


@pytest.fixture
def day(database: Database) -> Day:
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    return Day(database, ledger)


def test_what_the_day_changes_and_why(database: Database, store: Store, day: Day) -> None:
    word = f"Válido até {TODAY:%d/%m}"
    store(
        [
            message(1, SIGNAL.format("Swing", "PETR3", ""), minute=0),
            message(2, SIGNAL.format("Swing", "PETR4", word), minute=1),
            message(3, SIGNAL.format("Swing", "PETR5", word), minute=2),
            message(7, "Subir stop de PETR5 para 10,00", minute=6),
        ]
    )
    signals = Signals(database, retention=RETENTION)

    def shown() -> dict[str, tuple[str, str]]:
        rows = signals.find(SignalQuery()).rows
        assert all(row["current"].status == row["status"] for row in rows)
        return {row["asset"]: (row["status"], row["status_reason"]) for row in rows}

    before = {**dict.fromkeys(("PETR3", "PETR4"), ("waiting", "posted")), "PETR5": ("open", "update")}
    assert shown() == before
    day.begin(TODAY)
    assert shown() == before, "a validity covers its day"
    day.begin(TODAY + DAY)
    # the validity is the time to enter: it ends no position that the channel speaks of
    assert shown() == before | {"PETR4": ("expired", "validity")}
    (row,) = signals.find(SignalQuery(status=("expired",))).rows
    assert row["status_since"] == midnight_after(TODAY)
    assert row["updated_at"] > row["created_at"]


def test_the_end_of_its_session_ends_a_signal_that_goes_on(
    database: Database, store: Store, day: Day
) -> None:
    # a session that begins after a weekend and a holiday ends within a week
    store(
        [
            *(message(n, SIGNAL.format("Day trade", f"PETR{n}", ""), minute=n) for n in (6, 7, 8)),
            message(17, "Subir stop de PETR7 para 10,00", minute=17),
            message(18, "PETR8 ALVO 1 ATINGIDO ✅", minute=18),
        ]
    )
    day.begin(TODAY + 7 * DAY)
    signals = Signals(database, retention=RETENTION)
    rows = signals.find(SignalQuery()).rows
    # what the channel told of it stays
    assert {row["asset"]: (row["status"], row["status_reason"], row["valid"]) for row in rows} == {
        **dict.fromkeys(("PETR6", "PETR7"), ("expired", "session", False)),
        "PETR8": ("target_1", "result", False),
    }
    assert signals.find(SignalQuery(status=("valid",))).rows == []


def test_the_last_target_ends_a_signal_if_it_is_the_final_one_too(database: Database, store: Store) -> None:
    own_final = SIGNAL.format("Swing", "PETR5", "Alvo final: 13,00")
    store(
        [
            *(message(n, SIGNAL.format("Swing", f"PETR{n}", ""), minute=n) for n in (3, 4, 6)),
            message(5, own_final, minute=5),
            message(13, "PETR3 ALVO 1 ATINGIDO ✅", minute=13),
            *(message(10 + n, f"PETR{n} alvo 2 atingido", minute=14) for n in (4, 5, 6)),
            message(26, "PETR6 novo alvo 14,00", minute=26),
        ]
    )
    rows = Signals(database, retention=RETENTION).find(SignalQuery()).rows
    assert {row["asset"]: (row["status"], row["valid"]) for row in rows} == {
        "PETR3": ("target_1", True),
        "PETR4": ("target_2", False),
        "PETR5": ("target_2", True),
        "PETR6": ("target_2", True),
    }


def test_a_day_that_begins_is_one_commit_and_only_if_it_changes_something(
    database: Database, store: Store, day: Day
) -> None:
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    store([message(1, SIGNAL.format("Swing", "PETR4", f"Válido até {TODAY:%d/%m}"), minute=0)])
    day.begin(TODAY)
    before = ledger.commit_number()
    day.today = TODAY + DAY
    settled = day.rounds.settle()
    after = ledger.commit_number()
    assert settled.commit_number == after > before
    day.begin(day.today)
    assert ledger.commit_number() == after
    assert 0 < day.rounds.settle().again_s <= 3600, "until the next day begins"


def test_standings_that_another_version_of_the_engine_left_are_mended(
    database: Database, store: Store, day: Day
) -> None:
    store(
        [
            message(1, SIGNAL.format("Swing", "PETR3", ""), minute=0),
            message(2, SIGNAL.format("Swing", "PETR4", ""), minute=1),
            message(3, SIGNAL.format("Swing", "PETR5", ""), minute=2),
            message(4, "PETR4 ALVO 1 ATINGIDO ✅", minute=3),
        ]
    )
    signals = Signals(database, retention=RETENTION)
    right = statuses(signals, SignalQuery())
    assert right == {"PETR3": "waiting", "PETR4": "target_1", "PETR5": "waiting"}

    priced_out = [_said(row, "expired") for row in signals.find(SignalQuery(asset=("PETR3",))).rows]
    EnrichedSignals(database, Ledger(database, grammar_version=GRAMMAR_VERSION)).write(
        priced_out, seen=priced_out
    )
    going_on = [_said(row, "running") for row in signals.find(SignalQuery(asset=("PETR5",))).rows]
    EnrichedSignals(database, Ledger(database, grammar_version=GRAMMAR_VERSION)).write(
        going_on, seen=going_on
    )
    right["PETR3"] = "expired"
    assert statuses(signals, SignalQuery(outcome=("ended",))) == {"PETR3": "expired"}

    def spoil(statement: str) -> None:
        database.write(lambda cursor: cursor.execute(statement.encode()))

    spoil("delete from signals.signal_standings where asset = 'PETR3'")
    spoil("update signals.signal_standings set status = 'waiting', told = 0 where asset = 'PETR4'")
    spoil("update signals.signal_standings set outcome = 'waiting' where asset = 'PETR5'")
    spoil(
        "insert into signals.signal_standings select channel, '99', 0, 99, ts, signal_type, side, 'GONE3', null,"
        " null, status, since, reason, null, 0, 0, 0, now() from signals.signal_standings where asset = 'PETR5'"
    )
    assert statuses(signals, SignalQuery()).keys() == right.keys(), "the list lacks no signal even then"
    assert "GONE3" not in statuses(signals, SignalQuery(status=("waiting",)))
    day.begin(TODAY)
    assert statuses(signals, SignalQuery()) == right
    assert statuses(signals, SignalQuery(status=STATUSES)) == right
    assert statuses(signals, SignalQuery(outcome=("ended",))) == {"PETR3": "expired"}
    assert statuses(signals, SignalQuery(outcome=("running",))) == {"PETR5": "waiting"}


def statuses(signals: Signals, query: SignalQuery) -> dict[str, str]:
    return {row["asset"]: row["status"] for row in signals.find(query).rows}


kinds = st.sampled_from(["Swing", "Day trade", "Scalp"])
validities = st.sampled_from(["", *(f"Válido até {TODAY + days * DAY:%d/%m}" for days in (-3, -1, 0, 1))])
numbers = st.integers(1, 6)
texts = st.builds(SIGNAL.format, kinds, st.sampled_from(ASSETS), validities) | st.builds(
    str.format, st.sampled_from(EVENTS), st.sampled_from(ASSETS)
)
says = st.builds(Says, numbers, st.sampled_from(["waiting", "running", "stopped", "target", "expired"]))
#: a delivery of messages with their versions and what they reply to, the days that pass, or what prices say
STEPS = st.lists(
    st.lists(st.tuples(numbers, texts, st.none() | numbers), min_size=1, max_size=4)
    | st.integers(0, 2)
    | says,
    min_size=1,
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_any_history_leaves_the_standings_that_the_rules_give(
    database: Database, store: Store, day: Day, history: list[list[tuple[int, str, int | None]] | int | Says]
) -> None:
    # a channel of its own for each history
    channel = f"-{next(CHANNELS)}"
    signals = Signals(database, retention=RETENTION)
    texts = SignalTexts(signals)
    day.begin(TODAY)
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    # one is there all the time, the other comes when all is over
    here, late = (Follower(signals, ledger, channel) for _ in range(2))
    narrow = Follower(signals, ledger, channel, "not_ended")
    enriched = EnrichedSignals(database, ledger)
    for version, step in enumerate(history):
        if isinstance(step, int):
            day.begin(day.today + step * DAY)
            here.follow(limit=3)
            continue
        if isinstance(step, Says):
            found = signals.find(SignalQuery(channel=(channel,))).rows
            if rows := [_said(row, step.state) for row in found if row["message_id"] == str(step.message)]:
                enriched.write(rows, seen=rows)
            # it was written on the real day
            day.begin(day.today)
            here.follow(limit=3)
            narrow.follow(limit=1)
            continue
        store(
            [
                replace(message(n, text, minute=n, reply_to=to, version=version), channel=channel)
                for n, text, to in step
            ]
        )
        day.begin(day.today)
        here.follow(limit=3)
    late.follow(limit=2)
    narrow.follow(limit=2)
    everything = signals.find(SignalQuery(channel=(channel,))).rows
    for row in everything:
        ended = row["enriched"] and row["enriched"]["state"] == "expired"
        priced_out = {"priced_out_at": row["enriched"]["ended_at"]} if ended else {}
        expected = standing_of({**row, **priced_out}, row["events"], today=day.today)
        assert (row["status"], row["status_since"], row["status_reason"], row["valid"]) == (
            expected.status,
            expected.since,
            expected.reason,
            expected.valid,
        )
    listed = {row["id"]: encode(signal_object(row)) for row in everything}
    assert here.held == listed
    assert late.held == listed
    assert narrow.held == {row["id"]: listed[row["id"]] for row in everything if not _has_ended(row)}
    assert texts.find(SignalQuery(channel=(channel,)))[0] == [
        encode(signal_object(row)) for row in everything
    ]
    # a third of the questions for each history, which are 250 together
    _lists_agree(database, signals, channel, turn=len(history))
    told = {number for number, data in here.held.items() if json.loads(data)["valid"]}
    assert told == {row["id"] for row in everything if row["valid"]}


#: words of a filter by status -> the statuses that they mean
MEANINGS: dict[tuple[str, ...], tuple[str, ...]] = {
    **{(status,): (status,) for status in STATUSES},
    ("target",): ("target_1", "target_2", "target_final"),
    (): STATUSES,
    ("valid",): (),
    ("valid", "target_1", "waiting"): ("target_1", "waiting"),
    ("waiting", "target_1"): ("waiting", "target_1"),
    ("stopped", "target"): ("stopped", "target_1", "target_2", "target_final"),
}
OUTCOMES: tuple[tuple[str, ...], ...] = (
    *((), ("not_ended",), ("ended",)),
    *(("running", "stopped"), ("not_ended", "target")),
)


def _lists_agree(database: Database, signals: Signals, channel: str, *, turn: int) -> None:
    """Compare list, count, summary and file of each filter with the rows of the list without it."""
    summaries = Summaries(database, retention=RETENTION)
    files = WholeList(database, signals, retention=RETENTION)
    outcomes = itertools.islice(itertools.cycle(OUTCOMES), turn, None)
    others: tuple[dict[str, Any], ...] = (
        {},
        {"search": "petr4", "side": ("buy",)},
        {"asset": ("petr3",), "ascending": True},
    )
    more = others[turn % len(others)]
    plain = signals.find(SignalQuery(channel=(channel,), **more)).rows
    for wanted, meant in MEANINGS.items():
        query = SignalQuery(channel=(channel,), status=wanted, outcome=next(outcomes), **more)
        ids = [
            row["id"]
            for row in plain
            if (row["status"] in meant or (row["valid"] and "valid" in wanted)) and _is_so(row, query.outcome)
        ]
        page = signals.find(query, counted="search" not in more)
        assert [place.id for place in page.places] == ids
        assert page.count in (None, len(ids))
        by_asset = signals.find(replace(query, order=Order.ASSET, search=None)).places
        assert {place.id for place in by_asset} >= set(ids)
        counts = summaries.read(SummaryQuery(days=30, zone="UTC", signals=query))
        assert sum(counts.outcomes.values()) == len(ids)
        assert [row["id"] for part in files.parts(query) for row in part] == ids


def _said(row: Mapping[str, Any], state: str) -> dict[str, Any]:
    names = ("channel", "message_id", "position", "id", "ts", "signal_type", "side", "asset")
    return {
        **dict.fromkeys(ENRICHED_COLUMNS),
        **{name: row[name] for name in names},
        "rules": 1,
        "symbol": row["asset"],
        "state": state,
        "reached": [],
        "same_bar": False,
        "ended_at": row["ts"] if state == "expired" else None,
        "indicators": {"last_close": None, "as_of": None},
    }


def _has_ended(row: Mapping[str, Any]) -> bool:
    return row["enriched"] is not None and row["enriched"]["state"] in ("stopped", "target", "expired")


def _is_so(row: Mapping[str, Any], outcome: tuple[str, ...]) -> bool:
    state = row["enriched"] and row["enriched"]["state"]
    ended = _has_ended(row)
    return (
        not outcome
        or state in outcome
        or (ended and "ended" in outcome)
        or (not ended and "not_ended" in outcome)
    )
