"""Tables: a header row names the columns, each row below it is a block (catalogue, section 4: Tables).

A table is rewritten before anything else is read: each cell gets its column's label before it, and the
rest of the grammar reads rows like any other line. What no column of ours holds is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.model import Market, Side

from .table_headers import PRICE, SIDES, WORD, Header, cells_of, headers_at, heads, past_words
from .text import Prepared, fold
from .tickers import ticker_of

__all__ = ["Table", "write_out_tables"]
_DASHES = re.compile(r"[-|+:=\s]+")
_NUMBER = re.compile(r"(?<!\S)[+-]?[0-9][0-9.,'’]*(?:\s?%)?(?!\S)")
_MOST_LINES = 200


@dataclass(slots=True)
class Table:
    """The lines of a table; ``incomplete`` says that a row of it was not read."""

    first: int
    last: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class _Source:
    """The text a table stands in."""

    text: str
    lines: list[tuple[int, int]]
    market: Market


_Edit = tuple[int, int, str]


def write_out_tables(prepared: Prepared, market: Market) -> tuple[Prepared, list[Table]]:
    """Return the text with each table's labels written into its rows, and where the tables are."""
    starts = heads(prepared.text)
    if not starts:
        return prepared, []
    lines = _lines(prepared.text)
    source = _Source(prepared.text, lines, market)
    edits: list[_Edit] = []
    tables: list[Table] = []
    i = 0
    while i < len(lines):
        if lines[i][0] not in starts:
            i += 1
            continue
        for header in headers_at(prepared.text, lines, i):
            rows = _rows(prepared.text, lines, i + header.lines, header, market)
            if rows:
                break
        else:
            i += 1
            continue
        table = Table(i, rows[-1])
        edits += _write_out(source, i, header, rows, table)
        tables.append(table)
        i = rows[-1] + 1
    return (prepared.edited(edits), tables) if edits else (prepared, tables)


def _lines(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def _rows(text: str, lines: list[tuple[int, int]], i: int, header: Header, market: Market) -> list[int]:
    """Return the lines of a table's rows: with one ticker and numbers, or with cells."""
    rows: list[int] = []
    for n in range(i, min(len(lines), i + _MOST_LINES)):
        start, end = lines[n]
        line = text[start:end]
        if _DASHES.fullmatch(line) or not line.strip():
            continue
        if len(_tickers(text, start, end, market)) != 1:
            break
        if not header.by_spaces and len(cells_of(text, start, end)) < 2:
            break
        if header.by_spaces and not _NUMBER.search(line):
            break
        rows.append(n)
    return rows


def _tickers(text: str, start: int, end: int, market: Market) -> list[tuple[int, int]]:
    pattern = WORD if market is Market.B3 else _PAIRS
    return [
        match.span()
        for match in pattern.finditer(text, start, end)
        if ticker_of(match.group(), market) is not None
    ]


_PAIRS = re.compile(r"[^\W_]+(?:[/-][^\W_]+)*")


def _write_out(source: _Source, at: int, header: Header, rows: list[int], table: Table) -> Iterator[_Edit]:
    """Yield the edits of one table: labels into the rows, the rest away."""
    text, lines = source.text, source.lines
    for n in range(at, at + header.lines):
        yield (*lines[n], past_words(text[slice(*lines[n])]))
    entry = _entry_label(text, lines, at, header)
    for n in rows:
        start, end = lines[n]
        ((first, last),) = _tickers(text, start, end, source.market)
        if header.past:
            yield from _without_prices(source, start, end, header)
            continue
        written = _written(text, (start, end), (first, last), header, entry)
        if written is None:
            table.incomplete = True
            yield (start, first, "Ativo: ")
            yield (last, end, "")
        else:
            yield from written


def _without_prices(source: _Source, start: int, end: int, header: Header) -> Iterator[_Edit]:
    """Yield the edits that leave a row of past trades its ticker, percentages and words: it tells results."""
    text = source.text
    cells = (
        [match.span() for match in _PIECE.finditer(text, start, end)]
        if header.by_spaces
        else cells_of(text, start, end)
    )
    for first, last in cells:
        cell = _PERCENT.sub("", text[first:last])
        if (PRICE.search(cell) or cell.strip().isdigit()) and not _tickers(text, first, last, source.market):
            yield (first, last, " ")


_PIECE = re.compile(r"\S+")
_PERCENT = re.compile(r"[+-]?[0-9.,]+ ?%")


def _entry_label(text: str, lines: list[tuple[int, int]], at: int, header: Header) -> str:
    """Return the label of a neutral entry column, by the nearest line above that names one side only."""
    if not any(column.label == "Entrada" for column in header.columns):
        return "Entrada"
    for n in range(at - 1, max(at - 1 - _MOST_LINES, -1), -1):
        said = {SIDES[word] for word in map(fold, WORD.findall(text[slice(*lines[n])])) if word in SIDES}
        if len(said) == 1:
            return "Venda" if Side.SELL in said else "Compra"
    return "Compra"


def _written(
    text: str, line: tuple[int, int], ticker: tuple[int, int], header: Header, entry: str
) -> list[_Edit] | None:
    """Return the edits of one row; None if it does not fit its header."""
    if header.by_spaces:
        numbers = [m.span() for m in _NUMBER.finditer(text, ticker[1], line[1])]
        cells = [span for span in numbers if text[span[1] - 1] != "%"]
        if len(cells) != len(header.levels):
            return None
        columns = header.levels
    else:
        cells = cells_of(text, *line)
        if len(cells) != len(header.columns):
            return None
        columns = header.columns
    edits: list[_Edit] = [(line[0], ticker[0], "Ativo: ")]
    place = ticker[1]
    for (start, end), column in zip(cells, columns, strict=True):
        if start <= ticker[0] < end:
            continue
        value = text[start:end].strip()
        if column.label and not column.is_asset and value.strip("-") and "%" not in value:
            begin = start + len(text[start:end]) - len(text[start:end].lstrip())
            label = entry if column.label == "Entrada" else column.label
            edits.append((place, begin, f" | {label}: "))
            place = begin + len(value)
    edits.append((place, line[1], ""))
    return edits
