"""Numbers as they are written and what they may mean (catalogue, sections 5.1 and 5.2).

A written number is understood on its own where its digits allow it. One separator followed by
exactly three digits (``1.250``) is not: it keeps both readings until the block around it decides.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

__all__ = ["Notation", "Number", "PriceRule", "Scale", "read_number", "read_parted"]

#: the other reading must be this many times farther off, or the choice is doubtful (5.2)
_CLEARLY_FARTHER = 3

#: 1.000.000.000.000,50 has as many characters
_LONGEST = 20
_WHOLE = re.compile(r"[0-9]+")
_ONE_SEPARATOR = re.compile(r"([0-9]*)[.,]([0-9]+)")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,3}(?:,[0-9]{3})+")
_TWO_KINDS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]+)|([0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]+)")


class PriceRule:
    """How the digits of a price were read. Plain constants, for the reason given at TokenKind."""

    #: the digits leave no choice
    PLAIN: Final = "price.plain"
    #: one separator before three digits, read as the decimal mark
    DECIMAL: Final = "price.decimal"
    #: one separator before three digits, read as the thousands separator
    THOUSANDS: Final = "price.thousands"


@dataclass(frozen=True, slots=True)
class Number:
    """A written number: its value, or both of its values.

    ``value`` is the decimal reading of an ambiguous number, ``thousands`` its other one, None for
    a plain number. ``small`` is the value of up to three bare digits (what an index may be).
    ``whole`` tells an integer (1000, 1.000, 1 mil) as a quantity has to be.
    """

    value: Decimal
    thousands: Decimal | None = None
    comma: bool = False
    small: int | None = None
    whole: bool = False
    separated: bool = False
    #: `mil` or `k` stands behind it
    multiplied: bool = False

    def read_as(self, rule: str) -> Decimal:
        """Return the value by one rule."""
        if self.thousands is not None and rule == PriceRule.THOUSANDS:
            return self.thousands
        return self.value


def read_number(text: str, *, mil: bool = False) -> Number | None:
    """Read digits and separators by section 5.1; None if they make no number (``12.11.2025``).

    What is longer than any price is none either: readers would take hundreds of digits for infinity.

    ``mil`` says that the word follows, which multiplies by a thousand.

    >>> read_number("1.250,50").value
    Decimal('1250.50')
    >>> read_number("130,5", mil=True).value
    Decimal('130500')
    """
    if len(text) > _LONGEST:
        return None
    if _WHOLE.fullmatch(text):
        if mil:
            return Number(Decimal(text + "000"), whole=True, multiplied=True)
        small = int(text) if len(text) <= 3 else None
        return Number(Decimal(text), small=small, whole=True)
    if (one := _ONE_SEPARATOR.fullmatch(text)) is not None:
        whole, rest = one.groups()
        return _one_separator(whole, rest, comma="," in text, mil=mil)
    if _THOUSANDS.fullmatch(text):
        digits = text.replace(".", "").replace(",", "")
        return Number(Decimal(digits + "000" * mil), whole=True, separated=True, multiplied=mil)
    if (two := _TWO_KINDS.fullmatch(text)) is not None:
        whole, rest = (two[1], two[2]) if two[1] else (two[3], two[4])
        return Number(
            _decimal(whole.replace(".", "").replace(",", ""), rest, mil=mil), separated=True, multiplied=mil
        )
    return None


def read_parted(text: str, *, mil: bool = False) -> Number | None:
    """Read digits that apostrophes part into thousands (5.1); None if another sign stands between (5.5)."""
    if _APOSTROPHES.fullmatch(text) is None or len(text) > _LONGEST:
        return None
    whole, _, rest = text.replace("'", "").replace("’", "").replace(",", ".").partition(".")
    return Number(_decimal(whole, rest, mil=mil), whole=not rest, separated=True)


_APOSTROPHES = re.compile("[0-9]{1,3}(?:['’][0-9]{3})+(?:[.,][0-9]+)?")


def _one_separator(whole: str, rest: str, *, comma: bool, mil: bool) -> Number:
    value = _decimal(whole, rest, mil=mil)
    if mil or len(rest) != 3 or not whole.strip("0"):
        return Number(value, comma=comma, separated=True, multiplied=mil)
    return Number(value, thousands=Decimal(whole + rest), comma=comma, whole=True, separated=True)


def _decimal(whole: str, rest: str, *, mil: bool) -> Decimal:
    """Put a decimal together from its digits, so that none is lost or added."""
    if mil:
        rest = rest.ljust(3, "0")
        whole, rest = whole + rest[:3], rest[3:]
    return Decimal(f"{whole or '0'}.{rest}" if rest else whole)


class Notation(Enum):
    """How the prices of an asset are written: what decides one separator before three digits (5.2, 13.3)."""

    #: a share of B3: by the block (5.2 b), else a dot parts thousands and a comma is decimal (c)
    SHARE = "share"
    #: an option: by the block, else decimal
    OPTION = "option"
    #: always thousands: index and dollar futures, gold, indices, bitcoin
    THOUSANDS = "thousands"
    #: by the block, else thousands: ether, and what is quoted in reais
    BY_BLOCK = "by_block"
    #: always decimal: a pair of two great currencies, silver, oil
    DECIMAL = "decimal"
    #: a dot is decimal, a comma is decided by the block, else thousands: all else outside B3
    DOT_DECIMAL = "dot_decimal"


_B3 = frozenset((Notation.SHARE, Notation.OPTION))
#: from here on the digits before the separator are more than three
_MILLION = 1_000_000


@dataclass(slots=True)
class Scale:
    """What decides between the two readings of an ambiguous number of a block (5.2, 13.3).

    ``numbers`` are the block's entry, targets and stop.
    """

    numbers: Sequence[Number]
    notation: Notation
    #: the unambiguous ones, sorted; None until an ambiguous number asks for them
    _known: tuple[Decimal, ...] | None = None

    @property
    def known(self) -> tuple[Decimal, ...]:
        if self._known is None:
            settled = ((number, _settled(number, self.notation)) for number in self.numbers)
            self._known = tuple(sorted(number.read_as(rule) for number, rule in settled if rule is not None))
        return self._known

    def rule(self, number: Number) -> tuple[str, bool]:
        """Decide how a number is read, and whether that is doubtful."""
        if number.thousands is None:
            return PriceRule.PLAIN, False
        settled = _settled(number, self.notation)
        if settled is not None:
            return settled, False
        default = PriceRule.THOUSANDS
        if self.notation is Notation.OPTION or (self.notation is Notation.SHARE and number.comma):
            default = PriceRule.DECIMAL
        known = self.known
        if not known:
            return default, True
        as_decimal = _closest_ratio(number.value, known)
        as_thousands = _closest_ratio(number.thousands, known)
        if as_decimal == as_thousands:
            return default, True
        near, far = sorted((as_decimal, as_thousands))
        rule = PriceRule.DECIMAL if as_decimal < as_thousands else PriceRule.THOUSANDS
        return rule, far < _CLEARLY_FARTHER * near


def _settled(number: Number, notation: Notation) -> str | None:
    """Return the reading of a number that needs no other price of its block; None if it needs one."""
    if number.thousands is None:
        return PriceRule.PLAIN
    if notation is Notation.THOUSANDS:
        return PriceRule.THOUSANDS
    if notation in _B3:
        return None
    long = number.thousands >= _MILLION
    if notation is Notation.DECIMAL or long or (notation is Notation.DOT_DECIMAL and not number.comma):
        return PriceRule.DECIMAL
    return None


def _closest_ratio(value: Decimal, known: tuple[Decimal, ...]) -> Decimal:
    """Return the smallest ratio, larger over smaller, to any of the sorted known prices.

    Only the two neighbours can give it, so a long list of ambiguous targets stays cheap.
    """
    place = bisect_left(known, value)
    return min(max(value, other) / min(value, other) for other in known[max(place - 1, 0) : place + 1])
