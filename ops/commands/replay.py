"""``tp-capital replay``: reads all stored messages with the current grammar and finds the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from actors.grammar.outcome import OutcomePolicy, date_of, settle
from engine.model import Event, EventKind, Market, Outcome, OutcomeKind, Signal
from ops.migrate_data.values import LEGACY_READING
from storage.postgres.archive import Archive, Archived
from storage.postgres.halves import SECOND_HALF
from storage.postgres.ledger import Ledger
from storage.postgres.ledger_rows import half_of

__all__ = ["Difference", "Replay", "ReplayReport"]

_FIELDS = (
    "side",
    "asset",
    "signal_type",
    "buy_min",
    "buy_max",
    "targets",
    "target_final",
    "stop",
    "valid_until",
    "warnings",
)


_EVENT_FIELDS = (
    "kind",
    "asset",
    "target",
    "stop_hit",
    "new_stop",
    "new_targets",
    "new_entry",
    "breakeven",
    "fraction",
    "price",
    "percent",
)
#: so many readings are written in one transaction: while it lasts nobody else writes
_BATCH = 200
_WHATS = ("added", "changed", "lost", "events", "half", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. ``what`` is its kind.

    ``added``, ``changed`` and ``lost`` concern a signal. ``events`` concerns what a message says about a signal.
    ``half`` concerns which half of an order a message is, and ``outcome`` the kind of message.

    ``before`` and ``after`` hold the fields that differ, by name. One of them is empty if there was nothing.
    """

    what: str
    channel: str
    message_id: str
    position: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def __str__(self) -> str:
        place = "" if self.position is None else f" #{self.position}"
        return f"{self.what:<8} {self.channel} {self.message_id}{place}: {self._detail()}"

    def _detail(self) -> str:
        if not (self.before and self.after):
            return _words(self.before or self.after)
        if self.what == "outcome":
            kinds = (f"{side['outcome']} ({side['reason']})" for side in (self.before, self.after))
            return " -> ".join(kinds)
        return ", ".join(f"{n} {_word(self.before[n])} -> {_word(self.after[n])}" for n in self.after)

    def as_object(self) -> dict[str, Any]:
        """Return the difference as JSON values. Prices are decimal strings."""
        return {
            "what": self.what,
            "channel": self.channel,
            "messageId": self.message_id,
            "position": self.position,
            "before": {name: _json_value(value) for name, value in self.before.items()},
            "after": {name: _json_value(value) for name, value in self.after.items()},
        }


@dataclass(slots=True)
class ReplayReport:
    """The counts of a replay. ``applied`` counts the messages whose new reading was written.

    ``passed_over`` counts rows of the former service whose stored values contradict their text.
    """

    messages: int = 0
    passed_over: int = 0
    differing: int = 0
    applied: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)

    def as_object(self, *, applied: bool) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "messages": self.messages,
            "passedOver": self.passed_over,
            "differing": self.differing,
            "counts": {what: self.by_kind.get(what, 0) for what in _WHATS},
            "applied": applied,
            "written": self.applied,
        }

    def words(self, *, applied: bool) -> str:
        """Return the counts as one line."""
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.by_kind.items()))
        written = f"{self.applied} written" if applied else "nothing written (--apply writes)"
        differences = f"{self.differing} differ: {counts}" if counts else "no difference"
        passed = (
            f"; {self.passed_over} rows of the former service's table skipped" if self.passed_over else ""
        )
        return f"{self.messages} messages reread, {differences}; {written}{passed}"


class Replay:
    """Rereads stored messages. It writes only with ``apply``, through the ledger like any reread."""

    def __init__(self, archive: Archive, ledger: Ledger, *, policy: OutcomePolicy, now: datetime) -> None:
        self._archive = archive
        self._ledger = ledger
        self._policy = policy
        self._now = now
        #: the market of each channel; a channel without an entry is read with the rules of B3
        self.markets: Mapping[str, Market] = {}
        self.report = ReplayReport()

    def run(self, *, channel: str | None, since: datetime | None, apply: bool) -> Iterator[Difference]:
        """Yield every difference. With ``apply``, write the new readings of a page before reading the next page.

        Messages older than the retention period are skipped: their signals were deleted and must not return.
        """
        for page in self._archive.pages(channel=channel, since=since):
            changed: list[Outcome] = []
            for stored in page:
                if date_of(stored.message)[0] <= self._now - self._policy.retention:
                    continue
                if stored.reason == LEGACY_READING:
                    # the migration kept these old values on purpose and flagged them
                    self.report.passed_over += 1
                    continue
                self.report.messages += 1
                market = self.markets.get(stored.message.channel, Market.B3)
                outcome = settle(stored.message, now=self._now, policy=self._policy, market=market)
                differences = list(compare(stored, outcome))
                # a message that can no longer be read keeps its stored reading
                if differences and outcome.kind is not OutcomeKind.DEAD_LETTER:
                    changed.append(outcome)
                for difference in differences:
                    self.report.by_kind[difference.what] = self.report.by_kind.get(difference.what, 0) + 1
                    yield difference
            self.report.differing += len(changed)
            for start in range(0, len(changed) if apply else 0, _BATCH):
                recorded = self._ledger.record(changed[start : start + _BATCH], reread=True)
                self.report.applied += len(recorded.moved)


def compare(stored: Archived, outcome: Outcome) -> Iterator[Difference]:
    """Yield the differences between a stored reading and a new one, by signal and field."""
    channel, message_id = stored.message.channel, stored.message.message_id
    yield from _compare_halves(stored, outcome)
    if stored.reason == SECOND_HALF and outcome.second_half:
        return  # the signal of a second half also depends on the first half, which only writing looks up
    yield from _compare_events(stored, outcome)
    if stored.outcome != outcome.kind.value:
        yield Difference(
            what="outcome",
            channel=channel,
            message_id=message_id,
            position=None,
            before={"outcome": stored.outcome, "reason": stored.reason},
            after={"outcome": outcome.kind.value, "reason": outcome.reason},
        )
    before = {int(row["position"]): row for row in stored.signals}
    after = {signal.position: signal for signal in outcome.signals}
    for position in sorted(before.keys() | after.keys()):
        old, new = before.get(position), after.get(position)
        there = {name: old[name] for name in _FIELDS} if old is not None else {}
        here = _values(new) if new is not None else {}
        what = "added" if old is None else "lost" if new is None else "changed"
        if what == "changed":
            # Decimals compare by value: 3.50 equals 3.5
            names = [n for n in _FIELDS if _plain(there[n]) != _plain(here[n])]
            if not names:
                continue
            there, here = ({name: side[name] for name in names} for side in (there, here))
        yield Difference(
            what=what, channel=channel, message_id=message_id, position=position, before=there, after=here
        )


def _compare_halves(stored: Archived, outcome: Outcome) -> Iterator[Difference]:
    half = half_of(outcome)
    if stored.half != half:
        yield Difference(
            what="half",
            channel=stored.message.channel,
            message_id=stored.message.message_id,
            position=None,
            before={"half": stored.half},
            after={"half": half},
        )


def _compare_events(stored: Archived, outcome: Outcome) -> Iterator[Difference]:
    before = {int(row["position"]): row for row in stored.events}
    after = dict(enumerate(outcome.events))
    for position in sorted(before.keys() | after.keys()):
        there, here = before.get(position), after.get(position)
        old = {name: _plain(there[name]) for name in _EVENT_FIELDS} if there is not None else {}
        new = {name: _plain(_event_value(here, name)) for name in _EVENT_FIELDS} if here is not None else {}
        if old == new:
            continue
        if old and new:
            names = [name for name in _EVENT_FIELDS if old[name] != new[name]]
            old, new = ({name: side[name] for name in names} for side in (old, new))
        yield Difference(
            what="events",
            channel=stored.message.channel,
            message_id=stored.message.message_id,
            position=position,
            before=old,
            after=new,
        )


def _event_value(event: Event, name: str) -> object:
    value: object = getattr(event, name)
    return value.value if isinstance(value, EventKind) else value


def _values(signal: Signal) -> dict[str, Any]:
    return {name: getattr(signal, name) for name in _FIELDS}


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else value


def _json_value(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {_word(value)}" for name, value in values.items() if value not in (None, [], ())
    )


def _word(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + " ".join(_word(item) for item in value) + "]"
    return "-" if value is None else str(value)
