"""Reads the history that MetaTrader 5 exports: bars of one symbol, whose name only the file's name tells.

The columns stand between tabs or commas, named ``<DATE>``, ``<TIME>`` (not in daily bars), ``<OPEN>`` and so on. The instants
are of the broker's server. Those of Brazilian brokers show the exchange's local time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import chain, islice, pairwise

from engine.bars import Bar, Interval
from storage.quotes.reading import BadRecord, Entry, PriceFileError, bar_or_bad, hours_of, kind_of

__all__ = ["HEADER", "period_of", "read_metatrader", "symbol_in_name"]

HEADER = "<DATE>"
#: the name of an export: symbol, period, and perhaps its first and last minute
_NAME = re.compile(
    # browsers add a number in brackets to a second copy
    r"(?P<symbol>.+?)_(?P<period>M\d+|H\d+|Daily|D1|Weekly|Monthly)(?:_\d+_\d+)?(?: ?\(\d+\))?\.\w+",
    re.IGNORECASE,
)
_PERIODS = {
    "M1": Interval.MINUTE,
    "M5": Interval.FIVE_MINUTES,
    "M15": Interval.QUARTER,
    "M30": Interval.HALF_HOUR,
    "H1": Interval.HOUR,
    "D1": Interval.DAY,
    "DAILY": Interval.DAY,
}
#: the bars that tell how long each lasts: there are two that follow each other without a pause
_LOOKED_AT = 500
_BY_LENGTH = {interval.length: interval for interval in Interval if interval.length}
_DAY = timedelta(days=1)


def symbol_in_name(name: str) -> str | None:
    """Return the symbol that an export's file name begins with.

    >>> symbol_in_name("WIN$N_M5_202601020900_202611271825.csv")
    'WIN$N'
    """
    found = _NAME.fullmatch(name)
    return found["symbol"].upper() if found else None


def period_of(name: str) -> str | None:
    """Return the period in an export's file name.

    >>> period_of("WIN$N_M5_202601020900_202611271825.csv")
    'M5'
    """
    found = _NAME.fullmatch(name)
    return found["period"].upper() if found else None


def read_metatrader(
    lines: Iterable[str], *, symbol: str, zone: tzinfo, period: str | None = None
) -> Iterator[Entry]:
    """Yield the bars. ``zone`` is the time zone of the server, ``period`` what the file's name says.

    Raises:
        PriceFileError: a column is missing, bars last as long as none of ours, or the name says another length.
    """
    numbered = enumerate(lines, start=1)
    header = next(numbered, (1, ""))[1]
    separator = "\t" if "\t" in header else ","
    columns = [name.strip().strip("<>") for name in header.split(separator)]
    if missing := {"DATE", "OPEN", "HIGH", "LOW", "CLOSE"} - set(columns):
        raise PriceFileError(f"the header has no column {', '.join(f'<{name}>' for name in sorted(missing))}")
    rows = (
        (f"line {number}", dict(zip(columns, line.split(separator), strict=False)))
        for number, line in numbered
        if line.strip()
    )
    first = list(islice(rows, _LOOKED_AT))
    interval = _interval([_begin(row) for _, row in first if "DATE" in row], period)
    for place, row in chain(first, rows):
        yield _read(row, place, symbol, interval, zone)


def _interval(begins: list[datetime | None], period: str | None) -> Interval:
    """Return how long the bars last, as the name says, or else the shortest time between two.

    Nothing trades in the pauses, so the bars of a quiet paper may all be further apart than they last.
    """
    known = sorted({begin for begin in begins if begin})
    shortest = min((after - before for before, after in pairwise(known)), default=None)
    if period is not None:
        told = _PERIODS.get(period)
        if told is None:
            raise PriceFileError(f"bars of {period} are not read, but {', '.join(Interval)} are")
        if shortest is not None and shortest % (told.length or _DAY):
            raise PriceFileError(f"the name says {period}, but two bars are {shortest} apart")
        return told
    if shortest is None:
        raise PriceFileError("one bar alone does not tell how long it lasts")
    if shortest >= _DAY and all(begin == begin.replace(hour=0, minute=0) for begin in known):
        if shortest > 4 * _DAY:
            raise PriceFileError("bars of weeks or months are not read: export days or minutes")
        return Interval.DAY
    interval = _BY_LENGTH.get(shortest)
    if interval is None:
        raise PriceFileError(f"bars of {shortest} are not read, but {', '.join(Interval)} are")
    return interval


def _begin(row: dict[str, str]) -> datetime | None:
    text = f"{row['DATE']} {row.get('TIME') or '00:00:00'}"
    for form in ("%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - of the server's zone, which comes later
        except ValueError:
            continue
    return None


def _read(row: dict[str, str], place: str, symbol: str, interval: Interval, zone: tzinfo) -> Bar | BadRecord:
    try:
        begin = _begin(row)
        if begin is None:
            return BadRecord(place=place, reason="has no date such as 2026.11.27 and time such as 10:05:00")
        span = _span(begin, symbol, interval, zone)
        volume = int(row.get("VOL") or 0)
        return bar_or_bad(
            Bar(
                symbol=symbol,
                open=Decimal(row["OPEN"]),
                high=Decimal(row["HIGH"]),
                low=Decimal(row["LOW"]),
                close=Decimal(row["CLOSE"]),
                # 0 is a broker that does not tell; <TICKVOL> counts changes of price
                volume=volume or None,
                **span,  # type: ignore[arg-type]
            ),
            place,
        )
    except (KeyError, ValueError, ArithmeticError):
        return BadRecord(place=place, reason="is no bar: a column is missing or no number")


def _span(begin: datetime, symbol: str, interval: Interval, zone: tzinfo) -> dict[str, object]:
    if interval.length is None:
        return hours_of(begin.date(), kind_of(symbol))
    opened_at = begin.replace(tzinfo=zone).astimezone(UTC)
    return {"interval": interval, "opened_at": opened_at, "closed_at": opened_at + interval.length}
