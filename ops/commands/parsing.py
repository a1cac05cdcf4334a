"""``tp-capital parse``: reads lines of JSON and writes readings with the keys of the labelled examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TextIO

from rich.console import Console

from actors.grammar import read
from engine.model import SECOND_HALF_WITHIN, Event, FirstHalf, Market, Reading, Signal
from engine.safe_text import json_fault
from ops.commands.explaining import explain

__all__ = ["BadLineError", "event_object", "first_half", "lines_of", "parse_lines", "reading_object"]

#: a Telegram text has at most 4,096 characters, and JSON needs at most 12 characters for each
_LONGEST_LINE: Final = 256 * 1024


class BadLineError(ValueError):
    """An input line is invalid. The text gives the reason."""


def parse_lines(
    lines: Iterable[str],
    out: TextIO,
    complain: TextIO,
    *,
    market: Market = Market.B3,
    console: Console | None = None,
) -> int:
    """Read lines ``{"id","text"}``, write a reading for each, and return the number of invalid lines.

    A line may also hold its own ``market`` and ``before``. ``before`` is an earlier message that this one may
    complete (section 14.3): its ``text``, and either ``reply`` true or its age in ``minutes``.

    An invalid line is reported to ``complain`` and gives no output line. With a ``console``, readings are explained
    there instead.
    """
    bad = 0
    for number, item in _items(lines):
        if isinstance(item, BadLineError):
            bad += 1
            print(f"line {number}: {item}", file=complain)
            continue
        of = Market(item.get("market") or market)
        reading = read(
            item.get("text"),
            item.get("caption"),
            market=of,
            half_of=first_half(item.get("before"), of),
        )
        if console is not None:
            console.rule(str(item.get("id")))
            explain(item.get("text") or item.get("caption") or "", reading, console)
            continue
        # json, not orjson: an id may hold lone surrogates or be a number of any size
        print(json.dumps({"id": item.get("id"), **reading_object(reading)}, separators=(",", ":")), file=out)
    return bad


def lines_of(file: TextIO) -> Iterator[str]:
    """Yield the lines. Only the beginning of a too long line is kept, so that no file can fill the memory."""
    while line := file.readline(_LONGEST_LINE + 1):
        yield line
        while len(line) > _LONGEST_LINE and not line.endswith("\n"):
            line = file.readline(_LONGEST_LINE + 1)


def reading_object(reading: Reading) -> dict[str, Any]:
    """Return a reading with the keys of the labelled examples. Prices are decimal strings."""
    first = reading.signals[0] if reading.signals else None
    further = [_signal_object(signal) for signal in reading.signals[1:]]
    result: dict[str, Any] = {"kind": reading.kind.value, **_signal_object(first), "reason": reading.reason}
    if further:
        result["more"] = further
    if reading.events:
        result["event"] = event_object(reading.events[0])
    if len(reading.events) > 1:
        result["more_events"] = [event_object(event) for event in reading.events[1:]]
    return result


def event_object(event: Event) -> dict[str, Any]:
    """Return the values that an event has, with the keys of section 14.1. Numbers are decimal strings."""
    said: dict[str, Any] = {
        "asset": event.asset,
        "target": event.target,
        "stop_hit": event.stop_hit or None,
        "new_stop": _price(event.new_stop),
        "new_targets": [_price(target) for target in event.new_targets] or None,
        "new_entry": None if event.new_entry is None else [_price(price) for price in event.new_entry],
        "breakeven": event.breakeven or None,
        "fraction": _price(event.fraction),
        "price": _price(event.price),
        "percent": _price(event.percent),
    }
    return {name: value for name, value in said.items() if value is not None}


def first_half(before: Mapping[str, Any] | None, market: Market) -> FirstHalf | None:
    """Return the first half that ``before`` holds, if the later message replies to it or follows it soon."""
    if before is None:
        return None
    minutes = before.get("minutes")
    soon = minutes is not None and minutes <= SECOND_HALF_WITHIN / timedelta(minutes=1)
    return read(before.get("text"), market=market).first_half if before.get("reply") or soon else None


def _is_before(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not isinstance(value.get("text"), str | None):
        return False
    return isinstance(value.get("minutes"), int | float | None)


def _signal_object(signal: Signal | None) -> dict[str, Any]:
    return {
        "side": signal.side.value if signal else None,
        "asset": signal.asset if signal else None,
        "signal_type": signal.signal_type if signal else None,
        "buy_min": _price(signal.buy_min) if signal else None,
        "buy_max": _price(signal.buy_max) if signal else None,
        "targets": [_price(target) for target in signal.targets] if signal else [],
        "target_final": _price(signal.target_final) if signal else None,
        "stop": _price(signal.stop) if signal else None,
        "valid_until": signal.valid_until if signal else None,
        "warnings": list(signal.warnings) if signal else [],
    }


def _price(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _items(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | BadLineError]]:
    # json, not orjson: texts may hold lone surrogates, which orjson refuses
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > _LONGEST_LINE:
            yield number, BadLineError(f"the line is longer than {_LONGEST_LINE} characters")
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadLineError(f"not JSON: {json_fault(error)}")
            continue
        if not isinstance(item, dict):
            yield number, BadLineError('the line must be an object such as {"id": "1", "text": "..."}')
        elif not all(item.get(key) is None or isinstance(item.get(key), str) for key in ("text", "caption")):
            yield number, BadLineError("text must be a string or null")
        elif item.get("market") not in (None, *Market):
            yield number, BadLineError(f"market must be one of {', '.join(Market)}")
        elif not _is_before(item.get("before")):
            yield (
                number,
                BadLineError(
                    'before must be an object such as {"text": "...", "reply": true} or {"text": "...", "minutes": 3}'
                ),
            )
        else:
            yield number, item
