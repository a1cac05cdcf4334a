"""The header of a table: which column holds what (catalogue, section 4: Tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.model import Side

from .lexicon import words
from .text import fold

__all__ = ["PRICE", "SIDES", "WORD", "Column", "Header", "cells_of", "headers_at", "heads", "past_words"]

_ASSETS = words("ativo papel codigo ticker empresa ativos papeis")
_ENTRIES = words("entrada entradas")
SIDES = {
    **dict.fromkeys(("compra", "compras", "comprar"), Side.BUY),
    **dict.fromkeys(("venda", "vendas", "vender"), Side.SELL),
}
_TARGETS = words("alvo alvos objetivo objetivos parcial parciais")
_PARTIALS = words("parcial parciais")
_STOPS = words("stop stops")
#: a table of these tells of past trades
_PAST = words("atual saida saidas lucro lucros resultado resultados variacao status")
#: what a header split by spaces may hold besides, names of columns that are skipped among them
_ASIDE = words(
    """
    de do da preco loss gain final tecnico potencial ganho perda risco retorno r us em rs brl
    upside a o e nome companhia acao tipo
    """
)
_ORDINALS = {
    **{word: n for n, word in enumerate(("primeiro", "segundo", "terceiro", "quarto", "quinto"), start=1)},
    **{f"{n}{end}": n for n in range(1, 10) for end in "oa"},
    **{str(n): n for n in range(1, 10)},
}
WORD = re.compile(r"[^\W_]+")
PRICE = re.compile(r"[0-9]+[.,][0-9]+|[0-9]{2,}")
_SPLIT = re.compile(r"[|\t]")


@dataclass(slots=True)
class Column:
    """One column: ``label`` goes before its cells, "" for one that is skipped."""

    label: str
    is_asset: bool = False


@dataclass(slots=True)
class Header:
    """The columns of a table, split by a sign, or by spaces where ``levels`` holds the columns of prices."""

    columns: list[Column]
    by_spaces: bool = False
    past: bool = False
    lines: int = 1
    levels: list[Column] = field(default_factory=list)


def heads(text: str) -> set[int]:
    """Return the starts of the lines that name a column of assets and neither a ticker nor a colon."""
    found: set[int] = set()
    if "\n" not in text:  # a header needs a row below it
        return found
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals have longer small letters
        return found
    start = 0
    for line in lowered.split("\n"):
        named = ":" not in line and any(name in line for name in _ASSET_NAMES)
        if named and _NO_HEADER.search(line) is None:
            found.add(start)
        start += len(line) + 1
    return found


_ASSET_NAMES = ("ativo", "papel", "papéis", "código", "codigo", "ticker", "empresa")
_NO_HEADER = re.compile("=|[a-z][0-9]")


def headers_at(text: str, lines: list[tuple[int, int]], i: int) -> Iterator[Header]:
    """Yield what may be a header that begins with line i: it, or it and the line below."""
    start, end = lines[i]
    line = text[start:end]
    if not line.strip() or PRICE.search(line) or WORD.search(line) is None:
        return
    cells = cells_of(text, start, end)
    if len(cells) > 1:
        header = _checked(Header([_column(text[a:b]) for a, b in cells], past=_is_past(line)))
        if header is not None:
            yield header
        return
    below = text[slice(*lines[i + 1])] if i + 1 < len(lines) else ""
    two = f"{line} {below}" if below and not PRICE.search(below) and not _SPLIT.search(below) else None
    for found in (_by_spaces(line, 1), None if two is None else _by_spaces(two, 2)):
        if found is not None:
            yield found


def _checked(header: Header) -> Header | None:
    kinds = {column.label.split(" ")[0] for column in header.columns if column.label and not column.is_asset}
    has_asset = any(column.is_asset for column in header.columns)
    return header if has_asset and (len(_kinds(kinds)) >= 2 or header.past) else None


def _kinds(labels: set[str]) -> set[str]:
    """Count entry, target and stop columns once each."""
    return {"target" if label in {"Alvo", "Parcial"} else label for label in labels}


def cells_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split a line at `|` or tabs; one such sign at its start and its end are a frame."""
    cuts = [match.start() for match in _SPLIT.finditer(text, start, end)]
    edges = [start, *(cut + 1 for cut in cuts)], [*cuts, end]
    cells = list(zip(*edges, strict=True))
    if len(cells) > 1 and cuts and text[cuts[0]] == "|" and not text[cells[0][0] : cells[0][1]].strip():
        cells = cells[1:]
    if len(cells) > 1 and cuts and text[cuts[-1]] == "|" and not text[cells[-1][0] : cells[-1][1]].strip():
        cells = cells[:-1]
    return cells


def _is_past(line: str) -> bool:
    return any(fold(word) in _PAST for word in WORD.findall(line))


def past_words(line: str) -> str:
    """Return the words of a header that tell of past trades; all else of it goes."""
    return " ".join(word for word in WORD.findall(line) if fold(word) in _PAST)


def _column(name: str) -> Column:
    """Tell a column by the words of its name."""
    spoken = [fold(word) for word in WORD.findall(name.partition("(")[0])]
    if "%" in name or "potencial" in spoken:
        return Column("")
    if _ASSETS.intersection(spoken):
        return Column("Ativo", is_asset=True)
    side = next((SIDES[word] for word in spoken if word in SIDES), None)
    if _STOPS.intersection(spoken) and "gain" not in spoken:
        return Column("Stop")
    if _TARGETS.intersection(spoken) or "gain" in spoken:
        return Column(_target_label(spoken))
    if side is not None:
        return Column("Compra" if side is Side.BUY else "Venda")
    return Column("Entrada") if _ENTRIES.intersection(spoken) else Column("")


def _target_label(spoken: list[str]) -> str:
    if "final" in spoken or "ultimo" in spoken:
        return "Alvo final"
    number = next((_ORDINALS[word] for word in spoken if word in _ORDINALS), None)
    name = "Parcial" if _PARTIALS.intersection(spoken) else "Alvo"
    return name if number is None else f"{name} {number}"


def _by_spaces(line: str, count: int) -> Header | None:
    """Read a header whose columns only spaces part: it holds nothing but names of columns."""
    columns: list[Column] = []
    before: list[str] = []
    past = False
    bare = re.sub(r"\([^()]*\)|[%$/.:º]", " ", line)
    for word in map(fold, WORD.findall(bare)):
        is_level = word in _TARGETS or word in _STOPS or word in _ENTRIES or word in SIDES
        if word in _PAST:
            past = True
        elif word in _ASSETS:
            columns.append(Column("Ativo", is_asset=True))
        elif is_level:
            columns.append(_column(" ".join((*before, word))))
            before = []
            continue
        elif word in _ORDINALS:
            if columns and columns[-1].label in {"Alvo", "Parcial"} and word.isdigit():
                columns[-1] = Column(f"{columns[-1].label} {word}")
            else:
                before = [word]
            continue
        elif word not in _ASIDE:
            return None
        elif word == "final" and columns and columns[-1].label == "Alvo":
            columns[-1] = Column("Alvo final")
    levels = [column for column in columns if not column.is_asset]
    return _checked(Header(columns, by_spaces=True, past=past, lines=count, levels=levels))
