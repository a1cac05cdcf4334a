"""The prices of a target label: one with its index, or a list (catalogue, section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .indices import find_index, is_index_mark
from .labels import Label
from .lexicon import LIST_SIGNS, ORDINALS
from .links import Link, after_units, follow, price_after, skip_remark
from .message import Message
from .tokens import TokenKind

__all__ = ["Target", "TargetReading", "read_target_label"]

_COLONS = frozenset(":=")
_RANGE = frozenset(("a", "ate"))
_BARE_LINE = frozenset((TokenKind.SIGN, TokenKind.PERCENT))


@dataclass(slots=True)
class Target:
    """One target's price (a token), with its number or `final`."""

    price: int
    index: int | None = None
    final: bool = False


@dataclass(slots=True)
class TargetReading:
    """What stands behind a target label.

    ``link`` leads to the first price. ``index_token`` is an index behind the label, ``index_end`` the place
    behind it; ``soft`` says that nothing but a space or a dash tells it from a price. ``colon`` says
    that `:` or `=` follows the label or its index.
    """

    link: Link
    index_end: int
    colon: bool
    targets: list[Target] = field(default_factory=list)
    index_token: int | None = None
    soft: bool = False


def read_target_label(message: Message, label: Label) -> TargetReading:
    """Read the targets behind a label."""
    link = follow(message, label.end)
    number, final = label.index, label.final
    reading = TargetReading(link, label.end, link.colon)
    index = None if number is not None else find_index(message, label, link)
    if index is not None:
        number, final = index.number, final or index.final
        reading = TargetReading(
            index.link, index.end, link.colon or index.link.colon, index_token=index.place, soft=index.soft
        )
    if number is not None or final:
        price = reading.link.price
        if price is not None:
            first = Target(price, number, final)
            reading.targets = [first, *_rest_of_line(message, price + 1, marked=True)]
    elif link.fresh_line:
        reading.targets = _lines(message, message.next_line(label.end))
    else:
        reading.targets = _line(message, link)
    return reading


def _line(message: Message, link: Link) -> list[Target]:
    """Read a list on the label's own line, or on the first line below it."""
    items = message.items
    place = link.price if link.price is not None else link.end
    index, price = _marked_price(message, place)
    if price is None:
        price = _without_count(message, link)
    if price is None:
        return []
    first = Target(price, index)
    end, first.final = _behind_item(message, price)
    if end < len(items) and items[end].word in _COLONS:
        return []  # `Alvos 1: 10 2: 11`: neither an index that the catalogue knows nor a price
    return [first, *_rest_of_line(message, price + 1)]


def _without_count(message: Message, link: Link) -> int | None:
    """Return the price of a link; of `Alvos (3): 10, 11, 12` not the count."""
    items, price = message.items, link.price
    if price is not None and [token.word for token in items[price - 1 : price + 3]] in _COUNTS:
        return follow(message, price + 2).price
    return price


#: a bare number between parentheses, and a colon (a price has no word)
_COUNTS = (["(", "", ")", ":"], ["(", "", ")", "="])


def _rest_of_line(message: Message, i: int, *, marked: bool = False) -> list[Target]:
    """Read the further items of a list, from behind its first price at token i - 1.

    ``marked`` takes only items that have their own index (`1)`, `1º`) before them.
    """
    items = message.items
    targets: list[Target] = []
    i, _ = _behind_item(message, i - 1)
    while i < len(items):
        start = i
        while i < len(items) and (items[i].word in LIST_SIGNS or items[i].word == "e"):
            i += 1
        index, price = _marked_price(message, i)
        if price is None:
            price = price_after(items, i) if i > start and not marked else None
        if price is None:
            break
        i, final = _behind_item(message, price)
        if i < len(items) and items[i].word in _COLONS:
            break
        targets.append(Target(price, index, final))
    return targets


def _marked_price(message: Message, i: int) -> tuple[int | None, int | None]:
    """Read `1) 10` or `1º 10` at token i: the index and the price."""
    items = message.items
    if i >= len(items):
        return None, None
    number = items[i].number
    if number is not None and number.small is not None and is_index_mark(message, i + 1):
        index, behind = number.small, i + 2
    elif items[i].word in ORDINALS and items[i].word[0].isdigit():
        index, behind = ORDINALS[items[i].word], i + 1
    else:
        return None, None
    price = price_after(items, behind)
    return (index, price) if price is not None else (None, None)


def _behind_item(message: Message, price: int) -> tuple[int, bool]:
    """Step over what belongs to an item: unit, upper end of a range, remark, `final`."""
    items = message.items
    i = after_units(items, price + 1)
    if i < len(items) and items[i].word in _RANGE:
        upper = price_after(items, i + 1)
        if upper is not None:
            i = after_units(items, upper + 1)
    final = False
    while i < len(items):
        word = items[i].word
        following = items[i + 1].word if i + 1 < len(items) else ""
        if word == "final" and following not in _COLONS:
            final, i = True, i + 1
        elif word == "(":
            behind = skip_remark(message, i)
            if behind is None or behind == i + 1:
                break
            final = final or (following == "final" and behind == i + 3)
            i = behind
        else:
            break
    return i, final


def _lines(message: Message, i: int) -> list[Target]:
    """Read a list with one item on each line, up to the first other non-empty line."""
    items = message.items
    targets: list[Target] = []
    while i < len(items):
        end = message.line_end(i)
        index, price = _line_start(message, i, end, expected=len(targets) + 1)
        if price is None or (targets and any(t.kind is TokenKind.TICKER for t in items[i:price])):
            break
        first = Target(price, index)
        behind, first.final = _behind_item(message, price)
        rest = _rest_of_line(message, price + 1)
        if rest:
            behind, _ = _behind_item(message, rest[-1].price)
        if targets and any(token.kind not in _BARE_LINE for token in items[behind:end]):
            break  # a line that says something else, too
        targets += (first, *rest)
        i = message.next_line(i)
    return targets


def _line_start(message: Message, i: int, end: int, *, expected: int) -> tuple[int | None, int | None]:
    """Read the index, if there is one, and the price that a line of a list begins with."""
    items = message.items
    index, price = _marked_price(message, i)
    if price is not None:
        return index, price
    number = items[i].number
    if number is not None and number.small == expected:  # `1.`, `1-` and `1` are only believed in turn
        behind = i + 1 + (i + 1 < end and items[i + 1].word in {".", "-"})
        price = price_after(items, behind)
        if price is not None and price < end:
            return expected, price
    link = follow(message, i)
    return None, None if link.fresh_line else link.price
