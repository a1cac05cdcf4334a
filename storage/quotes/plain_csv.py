"""Reads bars from a plain CSV file, for prices from anywhere else. docs/prices.md describes its columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from engine.bars import Bar, Interval
from storage.quotes.reading import BadRecord, Entry, PriceFileError, bar_or_bad, hours_of, kind_of

__all__ = ["is_plain_csv", "read_plain_csv"]

_NEEDED = frozenset(["symbol", "interval", "opened_at", "open", "high", "low", "close"])
_OPTIONAL = frozenset(["closed_at", "volume", "distribution"])


def is_plain_csv(header: str) -> bool:
    """Return whether a first line is that of such a file."""
    return {"symbol", "opened_at"} <= set(_columns(header))


def read_plain_csv(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield the bars.

    Raises:
        PriceFileError: the header lacks a column, has one too many, or a line cannot be divided.
    """
    left = iter(lines)
    header = next(left, "")
    columns = _columns(header)
    if missing := _NEEDED - set(columns):
        raise PriceFileError(f"the header has no column {', '.join(sorted(missing))}")
    if unknown := set(columns) - _NEEDED - _OPTIONAL:
        raise PriceFileError(f"the header has an unknown column {', '.join(sorted(unknown))}")
    rows = csv.DictReader(left, columns, delimiter=_separator(header))
    try:
        for row in rows:
            # the header is line 1
            yield _read(row, f"line {rows.line_num + 1}")
    except csv.Error as error:
        raise PriceFileError(f"line {rows.line_num + 1}: {error}") from None


def _separator(header: str) -> str:
    return ";" if ";" in header else ","


def _columns(header: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in header.split(_separator(header))]


def _read(row: dict[str, str], place: str) -> Bar | BadRecord:
    if None in row or None in row.values():
        return BadRecord(place=place, reason="has more or fewer columns than the header")
    try:
        symbol = row["symbol"].strip().upper()
        if not symbol:
            return BadRecord(place=place, reason="has no symbol")
        return bar_or_bad(
            Bar(
                symbol=symbol,
                open=Decimal(row["open"]),
                high=Decimal(row["high"]),
                low=Decimal(row["low"]),
                close=Decimal(row["close"]),
                volume=int(row["volume"]) if row.get("volume") else None,
                distribution=int(row["distribution"]) if row.get("distribution") else None,
                **_span(row, symbol),  # type: ignore[arg-type]
            ),
            place,
        )
    except InvalidOperation:
        return BadRecord(place=place, reason="a price is no number; decimals are written with a point")
    except OverflowError:
        return BadRecord(place=place, reason="its instant is too far away")
    except ValueError as error:
        return BadRecord(place=place, reason=str(error))


def _span(row: dict[str, str], symbol: str) -> dict[str, object]:
    interval, opened = Interval(row["interval"].strip()), row["opened_at"].strip()
    if interval.length is None and len(opened) == len("2026-11-27"):
        return hours_of(date.fromisoformat(opened), kind_of(symbol))
    opened_at, closed = _instant(opened), row.get("closed_at")
    if closed:
        return {"interval": interval, "opened_at": opened_at, "closed_at": _instant(closed)}
    if interval.length is None:
        raise ValueError("a day is a date such as 2026-11-27, or has a column closed_at")
    return {"interval": interval, "opened_at": opened_at, "closed_at": opened_at + interval.length}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC, such as 2026-11-27T10:05:00-03:00")
    return instant.astimezone(UTC)
