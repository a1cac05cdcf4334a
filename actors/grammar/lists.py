"""Lists of targets, on the label's line or on the lines below it (catalogue, section 6: Lists)."""

from __future__ import annotations

from dataclasses import dataclass

from .indices import is_index_mark
from .lexicon import FURTHER_SIGNS, LIST_SIGNS, ORDINALS_BEHIND, QUANTITY_WORDS, Field
from .links import Link, after_units, ends_line, follow, price_after, skip_remark
from .message import Message
from .tokens import TokenKind

__all__ = ["Target", "behind_item", "price_behind", "read_lines", "read_on_line", "rest_of_line"]

_COLONS = frozenset(":=")
_RANGE = frozenset(("a", "ate", "hasta"))
_BARE_LINE = frozenset((TokenKind.SIGN, TokenKind.PERCENT))
_LEADING = frozenset((TokenKind.PRICE, TokenKind.INDEX, TokenKind.PERCENT, TokenKind.QUANTITY))


@dataclass(slots=True)
class Target:
    """One target's price (a token), with its number or `final`."""

    price: int
    index: int | None = None
    final: bool = False


def read_on_line(message: Message, link: Link) -> list[Target]:
    """Read a list on the label's own line, and the items that go on directly below it."""
    items = message.items
    place = link.price if link.price is not None else link.end
    index, price = _marked_price(message, place)
    if price is None:
        price = _without_count(message, link)
    if price is None:
        return []
    first = Target(price, index)
    end, first.final = behind_item(message, price)
    if end < len(items) and items[end].word in _COLONS:
        return []  # `Alvos 1: 10 2: 11`: neither an index that the catalogue knows nor a price
    targets = [first, *rest_of_line(message, end)]
    if len(targets) > 1:
        end, _ = behind_item(message, targets[-1].price)
    line_end = message.line_end(price)
    if all(token.kind in _BARE_LINE for token in items[end:line_end]):
        targets += _lines_below(message, line_end, targets)
    return targets


def _without_count(message: Message, link: Link) -> int | None:
    """Return the price of a link; of `Alvos (3): 10, 11, 12` not the count."""
    items, price = message.items, link.price
    if (
        price is not None
        and items[price - 1].word == "("
        and [token.word for token in items[price - 1 : price + 3]] in _COUNTS
    ):
        return follow(message, price + 2, Field.TARGET).price
    return price


#: a bare number between parentheses, and a colon (a price has no word)
_COUNTS = (["(", "", ")", ":"], ["(", "", ")", "="])


def rest_of_line(message: Message, i: int, *, marked: bool = False) -> list[Target]:
    """Read the further items of a list, from token i behind its first item.

    ``marked`` takes only items that have their own index (`1)`, `1º`) before them.
    """
    items, list_words = message.items, message.vocabulary.list_words
    targets: list[Target] = []
    while i < len(items):
        start = i
        while i < len(items) and (items[i].word in LIST_SIGNS or items[i].word in list_words):
            i += 1
        index, price = _marked_price(message, i)
        if price is None:
            price = price_after(items, i) if i > start and not marked else None
        if price is None:
            break
        i, final = behind_item(message, price)
        if i < len(items) and items[i].word in _COLONS:
            break
        targets.append(Target(price, index, final))
    return targets


def _marked_price(message: Message, i: int) -> tuple[int | None, int | None]:
    """Read `1) 10`, `1º 10` or a keycap and 10 at token i: the index and the price."""
    items = message.items
    if i >= len(items):
        return None, None
    number = items[i].number
    if items[i].kind is TokenKind.INDEX and number is not None:
        index, behind = number.small, i + 1
        while behind < len(items) and items[behind].word in {")", "-", "."}:
            behind += 1
    elif number is not None and number.small is not None and is_index_mark(message, i + 1):
        index, behind = number.small, i + 2
    elif items[i].word in ORDINALS_BEHIND and items[i].word[0].isdigit():
        index, behind = ORDINALS_BEHIND[items[i].word], i + 1
    else:
        return None, None
    price = price_after(items, behind)
    return (index, price) if price is not None else (None, None)


def behind_item(message: Message, price: int) -> tuple[int, bool]:
    """Step over what belongs to an item: unit, upper end of a range, percentage, remark, `final`."""
    items = message.items
    i = after_units(items, price + 1)
    if ends_line(items, i):
        return i, False
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
        elif items[i].kind is TokenKind.PERCENT:
            i += 1
        elif word == "(":
            behind = skip_remark(message, i)
            if behind is None or behind == i + 1:
                break
            final = final or (following == "final" and behind == i + 3)
            i = behind
        else:
            break
    return i, final


def price_behind(message: Message, price: int) -> int | None:
    """Return a price that stands behind the last item of a list and was not read: `alvos 42,00 > 43,00`."""
    items = message.items
    i, _ = behind_item(message, price)
    while i < len(items) and items[i].word in FURTHER_SIGNS:
        i += 1
    found = price_after(items, i)
    if found is None or items[found - 1].word == ")" or _is_index_of_label(message, found):
        return None
    return found


def _is_index_of_label(message: Message, price: int) -> bool:
    """Tell the 2 of `2. Alvo 43,00` from a price."""
    items, i = message.items, price + 1
    number = items[price].number
    if number is None or number.small is None:
        return False
    while i < len(items) and items[i].kind is TokenKind.SIGN:
        i += 1
    return i < len(items) and items[i].word in message.vocabulary.label_beginnings


def read_lines(message: Message, i: int) -> list[Target]:
    """Read a list with one item on each line, up to the first other non-empty line."""
    targets: list[Target] = []
    while i < len(message.items):
        found = _items_of_line(message, i, targets)
        if not found:
            break
        targets += found
        i = message.next_line(i)
    return targets


def _lines_below(message: Message, i: int, before: list[Target]) -> list[Target]:
    """Read the items of the lines directly below the break at token i."""
    targets: list[Target] = []
    items = message.items
    while i + 1 < len(items) and items[i + 1].kind is not TokenKind.BREAK:
        found = _items_of_line(
            message, i + 1, [*before[-1:], *targets], expected=len(before) + len(targets) + 1
        )
        if not found:
            break
        targets += found
        i = message.line_end(i + 1)
    return targets


def _items_of_line(
    message: Message, i: int, before: list[Target], *, expected: int | None = None
) -> list[Target]:
    """Read the items of the line that begins with token i; none if it says something else, too."""
    items = message.items
    end = message.line_end(i)
    index, price = _line_start(message, i, end, expected=expected or len(before) + 1)
    if price is None or (before and any(t.kind is TokenKind.TICKER for t in items[i:price])):
        return []
    first = Target(price, index)
    behind, first.final = behind_item(message, price)
    if behind < end and items[behind].word in _COLONS:
        return []
    rest = rest_of_line(message, behind)
    if rest:
        behind, _ = behind_item(message, rest[-1].price)
    if before and any(token.kind not in _BARE_LINE for token in items[behind:end]):
        return []
    return [first, *rest]


def _line_start(message: Message, i: int, end: int, *, expected: int) -> tuple[int | None, int | None]:
    """Read the index, if there is one, and the price that a line of a list begins with."""
    items = message.items
    index, price = _marked_price(message, i)
    if price is not None:
        return index, price
    number = items[i].number
    behind_colon = _behind_colon(message, i, end)
    if behind_colon is not None:
        counts = i + 1 < end and items[i + 1].word in QUANTITY_WORDS
        of_index = not counts and items[i].kind in {TokenKind.PRICE, TokenKind.INDEX}
        return (number.small if of_index and number is not None else None), behind_colon
    if number is not None and number.small == expected:  # `1.`, `1-` and `1` are only believed in turn
        behind = i + 1 + (i + 1 < end and items[i + 1].word in {".", "-"})
        price = price_after(items, behind)
        if price is not None and price < end:
            return expected, price
    link = follow(message, i, Field.TARGET)
    if link.fresh_line or link.price is None or _is_number_of_label(message, link.price, end):
        return None, None
    return None, link.price


def _behind_colon(message: Message, i: int, end: int) -> int | None:
    """Return the price behind the colon of a line that begins with a number, keycap or percentage."""
    items = message.items
    if items[i].kind not in _LEADING:
        return None
    labels, ordinals = message.vocabulary.labels, message.vocabulary.ordinals
    for j in range(i + 1, end):
        if items[j].word in _COLONS:
            price = price_after(items, j + 1)
            return price if price is not None and price < end else None
        if (items[j].word in labels and items[j].word not in QUANTITY_WORDS) or items[j].word in ordinals:
            return None
        if items[j].kind is TokenKind.PRICE:
            return None
    return None


def _is_number_of_label(message: Message, price: int, end: int) -> bool:
    """Tell whether a number stands before a label or ordinal on its line: it is no price (6)."""
    items = message.items
    i = price + 1
    while i < end and items[i].kind is TokenKind.SIGN:
        i += 1
    if i >= end or items[i].kind is not TokenKind.WORD:
        return False
    word = items[i].word
    return word in message.vocabulary.ordinals or (
        word in message.vocabulary.labels and items[price].number is not None and message.begins_line(i)
    )
