"""``tp-capital parse``: readings as JSON lines, in the keys of the labelled examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, TextIO

from rich.console import Console

from actors.parser import read
from engine.model import Reading, Signal
from ops.explaining import explain

__all__ = ["BadLineError", "parse_lines", "reading_object"]


class BadLineError(ValueError):
    """A line of input cannot be used; the text says which and why."""


def parse_lines(
    lines: Iterable[str], out: TextIO, complain: TextIO, *, console: Console | None = None
) -> int:
    """Read lines ``{"id","text"}``, write one reading each; return the number of lines that were bad.

    A bad line is told to ``complain`` and answered by no output line; the others are read all the same.
    With a ``console`` the readings are explained to a person there instead.
    """
    bad = 0
    for number, item in _items(lines):
        if isinstance(item, BadLineError):
            bad += 1
            print(f"line {number}: {item}", file=complain)
            continue
        reading = read(item.get("text"), item.get("caption"))
        if console is not None:
            console.rule(str(item.get("id")))
            explain(item.get("text") or item.get("caption") or "", reading, console)
            continue
        # json and not orjson here too: an id may hold what is no UTF-8, or be a number of any size
        print(json.dumps({"id": item.get("id"), **reading_object(reading)}, separators=(",", ":")), file=out)
    return bad


def reading_object(reading: Reading) -> dict[str, Any]:
    """Return a reading in the keys of the labelled examples; prices as decimal strings."""
    first = reading.signals[0] if reading.signals else None
    further = [_signal_object(signal) for signal in reading.signals[1:]]
    result: dict[str, Any] = {"kind": reading.kind.value, **_signal_object(first), "reason": reading.reason}
    if further:
        result["more"] = further
    return result


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
    # json and not orjson: it reads lone surrogates, which texts do hold
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadLineError(f"not JSON: {error}")
            continue
        if not isinstance(item, dict):
            yield number, BadLineError('an object such as {"id": "1", "text": "..."} is wanted')
        elif not all(item.get(key) is None or isinstance(item.get(key), str) for key in ("text", "caption")):
            yield number, BadLineError("text: a string or null is wanted")
        else:
            yield number, item
