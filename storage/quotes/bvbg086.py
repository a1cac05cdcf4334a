"""Reads BVBG.086.01, the exchange's price report of a day: an ISO 20022 document in XML, futures included.

This module needs the extra [enrich] and is imported only for such a file. Entities and other traps of XML are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from engine.bars import Bar
from engine.instruments import Instrument
from storage.quotes.reading import BadRecord, Entry, NoBar, PriceFileError, bar_or_bad, hours_of, kind_of

__all__ = ["read_bvbg086"]

_REPORT = "PricRpt"
#: forwards and exercises of options
_OTHER_STREAMS = frozenset("TO")
#: no report comes near it
_LONGEST_REPORT = 1024 * 1024


def read_bvbg086(stream: IO[bytes]) -> Iterator[Entry]:
    """Yield instruments and bars of what was traded.

    An instrument with a book for small lots has two reports, and its bar is that of the larger volume. So bars come at the
    end; there are as many as instruments.
    """
    bars: dict[str, Bar] = {}
    number = 0
    for number, report in enumerate(_reports(stream), start=1):
        entry = _read(report, f"report {number}")
        if not isinstance(entry, Bar):
            yield entry
        elif entry.symbol in bars and (bars[entry.symbol].volume or 0) >= (entry.volume or 0):
            yield NoBar.OTHER_MARKET
        else:
            if entry.symbol in bars:
                yield NoBar.OTHER_MARKET
            bars[entry.symbol] = entry
    if not number:
        raise PriceFileError("the document holds no price report (PricRpt)")
    for bar in bars.values():
        yield Instrument(symbol=bar.symbol, kind=kind_of(bar.symbol))
        yield bar


class _ShortElements:
    """A stream that ends an element which takes up too much memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.since_element = 0

    def read(self, size: int = -1) -> bytes:
        found = self._stream.read(size)
        self.since_element += len(found)
        if self.since_element > _LONGEST_REPORT:
            raise PriceFileError(f"one element takes more than {_LONGEST_REPORT} bytes")
        return found


def _reports(stream: IO[bytes]) -> Iterator[dict[str, str]]:
    """Yield the texts of each report by the name of their element. What is done with is removed from memory."""
    bounded = _ShortElements(stream)
    above: list[Element] = []
    within: Element | None = None  # the report that is being read
    try:
        for event, element in iterparse(bounded, ("start", "end"), forbid_dtd=True):
            if event == "start":
                above.append(element)
                if within is None and _name(element) == _REPORT:
                    within = element
                continue
            above.pop()
            if within is not None and element is within:
                yield {_name(part): (part.text or "").strip() for part in within.iter()}
                within = None
            if within is None:
                bounded.since_element = 0
                if above:
                    above[-1].clear()
    except DefusedXmlException:
        raise PriceFileError(
            "is no XML that can be read: it has a document type, which no report has"
        ) from None
    # the last two: an encoding that there is not
    except (ParseError, LookupError, ValueError) as error:
        raise PriceFileError(f"is no XML that can be read: {error}") from None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _read(report: dict[str, str], place: str) -> Bar | NoBar | BadRecord:
    if report.get("MktDataStrmId") in _OTHER_STREAMS:
        return NoBar.OTHER_MARKET
    prices: dict[str, Any] = {
        name: report.get(tag)
        for name, tag in (
            ("open", "FrstPric"),
            ("high", "MaxPric"),
            ("low", "MinPric"),
            ("close", "LastPric"),
        )
    }
    if not all(prices.values()):
        return NoBar.NOT_TRADED
    try:
        symbol, volume = report["TckrSymb"], report.get("FinInstrmQty")
        return bar_or_bad(
            Bar(
                symbol=symbol,
                open=Decimal(prices["open"]),
                high=Decimal(prices["high"]),
                low=Decimal(prices["low"]),
                close=Decimal(prices["close"]),
                volume=int(volume) if volume else None,
                **hours_of(date.fromisoformat(report["Dt"]), kind_of(symbol)),  # type: ignore[arg-type]
            ),
            place,
        )
    except (KeyError, ValueError, ArithmeticError) as error:
        return BadRecord(place=place, reason=f"is no price report: {error}")
