"""The values of an old row: the former service rounded and misread, and the row's text holds the truth.

Where the text, read by the present grammar, says nothing against the row, the reading is taken: it has the exact
digits, and what the former service dropped. Where it says something else, the row stays as it was and its signal
gets the warning ``legacy_reading``: a person has to look at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from actors.grammar import read
from actors.grammar.outcome import OutcomePolicy, settle
from engine.instants import is_plausible
from engine.model import ChannelMessage, Kind, Reading, Side, Signal
from storage.legacy.importing import Taken
from storage.legacy.joining import legacy_key
from storage.legacy.rows import LegacyRow

__all__ = ["COMPLETED", "EXACT", "LEGACY_READING", "SAME", "LegacyReader"]

#: the text says the same
SAME = "same"
#: the row's prices are rounded, the text's are taken
EXACT = "exact"
#: the text says more: a price that the row lacks, a third target, another signal
COMPLETED = "completed"
#: the text says something else, or no signal; the row's values stand. Also the signal's warning
LEGACY_READING = "legacy_reading"

#: the former service's columns had two places
_ROUNDING = Decimal("0.005")


class LegacyReader:
    """Says how a row is written whose message is not here. Pure but for the instant it is given."""

    def __init__(self, *, retention: timedelta, now: datetime) -> None:
        # rows that the former service has stored are not filtered once more
        self._policy = OutcomePolicy(retention=retention)
        self._now = now

    def take(self, row: LegacyRow) -> Taken:
        """Return the outcome of a usable row, and how it was found."""
        reading = read(row.raw_message)
        judgement = _judge(row, reading)
        if judgement.verdict == LEGACY_READING:
            reading = Reading(kind=Kind.SIGNAL, reason=LEGACY_READING, signals=(old_signal(row),))
        outcome = settle(_message(row, self._now), now=self._now, policy=self._policy, reading=reading)
        return Taken(
            outcome=outcome,
            verdict=judgement.verdict,
            position=judgement.position,
            detail="; ".join(judgement.details)[:500] or None,
        )


@dataclass(frozen=True, slots=True)
class _Judgement:
    verdict: str
    position: int = 0
    details: tuple[str, ...] = ()


def old_signal(row: LegacyRow) -> Signal:
    """Return the row as a signal, as it is. The old table has no side: stop, then targets tell it, else it buys."""
    targets = _old_targets(row)
    entry = _first(row.prices["buy_min"], row.prices["buy_max"])
    side = Side.BUY
    # a stop is on the losing side of the entry, a target on the winning one
    for price, above in ((row.prices["stop"], Side.SELL), (_first(*targets), Side.BUY)):
        if price is not None and entry is not None and price != entry:
            side = above if price > entry else _other(above)
            break
    return Signal(
        position=0,
        side=side,
        asset=row.asset.upper(),
        signal_type=row.signal_type or "Swing Trade",
        buy_min=row.prices["buy_min"],
        buy_max=row.prices["buy_max"],
        targets=targets,
        target_final=_first(row.prices["target_final"], *reversed(targets)),
        stop=row.prices["stop"],
        valid_until=None,
        warnings=(LEGACY_READING,),
    )


def _message(row: LegacyRow, now: datetime) -> ChannelMessage:
    key = legacy_key(row.legacy_id)
    plausible = is_plausible(row.received_at, now=now)
    return ChannelMessage(
        channel=row.channel,
        message_id=key,
        gateway_id=key,
        ack_id=None,
        text=row.raw_message,
        caption=None,
        source=row.source,
        status="stored",
        received_at=row.received_at if plausible else now,
        telegram_date=row.telegram_date,
        updated_at=None,
        odd_dates=not plausible,
    )


def _judge(row: LegacyRow, reading: Reading) -> _Judgement:
    asset = row.asset.upper()
    if not reading.signals:
        return _Judgement(LEGACY_READING, 0, (f"its text is read as {reading.kind} ({reading.reason})",))
    judgements = [_judge_signal(row, signal) for signal in reading.signals if signal.asset == asset]
    if not judgements:
        assets = ", ".join(signal.asset for signal in reading.signals)
        return _Judgement(LEGACY_READING, 0, (f"its text is read as a signal of {assets}",))
    agreeing = [judgement for judgement in judgements if judgement.verdict != LEGACY_READING]
    if not agreeing:
        return judgements[0]
    best = agreeing[0]
    if best.verdict == SAME and len(reading.signals) > 1:
        return _Judgement(COMPLETED, best.position, (f"{len(reading.signals)} signals in its text",))
    return best


def _judge_signal(row: LegacyRow, signal: Signal) -> _Judgement:
    verdicts: dict[str, list[str]] = {}
    for name, old, new, derived in _pairs(row, signal):
        verdict = _judge_price(old, new, derived=derived)
        words = (
            f"{name} {'-' if old is None else old} in the table, {'-' if new is None else new} in its text"
        )
        verdicts.setdefault(verdict, []).append(words)
    for verdict in (LEGACY_READING, EXACT, COMPLETED):
        if verdict in verdicts:
            return _Judgement(verdict, signal.position, tuple(verdicts[verdict]))
    return _Judgement(SAME, signal.position)


def _pairs(row: LegacyRow, signal: Signal) -> Iterator[tuple[str, Decimal | None, Decimal | None, bool]]:
    """Yield (name, the row's price, the text's price, whether the latter only repeats another one)."""
    yield "buy_min", row.prices["buy_min"], signal.buy_min, False
    yield "buy_max", row.prices["buy_max"], signal.buy_max, signal.buy_max == signal.buy_min
    old = _old_targets(row)
    for i in range(max(len(old), len(signal.targets))):
        before = old[i] if i < len(old) else None
        now = signal.targets[i] if i < len(signal.targets) else None
        yield f"target {i + 1}", before, now, False
    repeated = bool(signal.targets) and signal.target_final == signal.targets[-1]
    yield "target_final", row.prices["target_final"], signal.target_final, repeated
    yield "stop", row.prices["stop"], signal.stop, False


def _judge_price(old: Decimal | None, new: Decimal | None, *, derived: bool) -> str:
    if old is None:
        return SAME if new is None or derived else COMPLETED
    if new is None:
        return LEGACY_READING
    if old == new:
        return SAME
    # which way a half was rounded is not known
    hundredths = old.scaleb(2)
    was_rounded = hundredths == hundredths.to_integral_value() and abs(old - new) <= _ROUNDING
    return EXACT if was_rounded else LEGACY_READING


def _old_targets(row: LegacyRow) -> tuple[Decimal, ...]:
    return tuple(price for name in ("target_1", "target_2") if (price := row.prices[name]) is not None)


def _first(*prices: Decimal | None) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
