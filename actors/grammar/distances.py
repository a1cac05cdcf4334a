"""Distances in points: numbers that are no prices, though a label leads to them (catalogue, section 5.4)."""

from __future__ import annotations

from decimal import Decimal

from .lexicon import FURTHER_WORDS, LIST_SIGNS, PIPS, POINTS, RANGE_SIGNS
from .tickers import Ticker
from .tokens import Token, TokenKind

__all__ = ["PIPS_UNIT", "POINTS_UNIT", "is_entry_distance", "is_level_distance", "mark_units"]

POINTS_UNIT = "points"
PIPS_UNIT = "pips"
#: a level that is less than this part of the entry is a distance
_PART = 5
_ALWAYS_ROOT = "DI1"
_BETWEEN = FURTHER_WORDS | LIST_SIGNS | RANGE_SIGNS


def mark_units(items: list[Token]) -> None:
    """Mark each number that `pts`, `pontos`, `ticks` or `pips` stands beside."""
    for i, token in enumerate(items):
        if token.kind is not TokenKind.WORD or (token.word not in POINTS and token.word not in PIPS):
            continue
        unit = PIPS_UNIT if token.word in PIPS else POINTS_UNIT
        if i > 0 and items[i - 1].number is not None:
            _mark_back(items, i - 1, unit)
        elif i + 1 < len(items) and items[i + 1].kind is TokenKind.PRICE:
            items[i + 1].unit = unit


def _mark_back(items: list[Token], i: int, unit: str) -> None:
    """Mark a number and those before it in its range or list: the unit at the end holds for all."""
    while True:
        if items[i].kind is TokenKind.PRICE:
            items[i].unit = unit
        i -= 1
        if i < 1 or items[i].word not in _BETWEEN:
            return
        i -= 1
        if items[i].kind is not TokenKind.PRICE or items[i].unit:
            return


def is_entry_distance(items: list[Token], ticker: Ticker, price: int) -> bool:
    """Tell whether an entry label leads to a distance."""
    unit = items[price].unit
    if not unit:
        return False
    if unit == PIPS_UNIT or ticker.root == _ALWAYS_ROOT:
        return True
    i = price + 1
    while i < len(items) and (items[i].word in POINTS or items[i].word in _BETWEEN):
        i += 1
        if i < len(items) and items[i].kind is TokenKind.PRICE:
            i += 1
    return i < len(items) and items[i].word in {"acima", "abaixo"}


def is_level_distance(token: Token, ticker: Ticker, value: Decimal, buy_min: Decimal | None) -> bool:
    """Tell whether a target or stop is a distance, beside the lower entry price of its block."""
    if not token.unit:
        return False
    if token.unit == PIPS_UNIT or ticker.root == _ALWAYS_ROOT or buy_min is None:
        return True
    return value * _PART < buy_min
