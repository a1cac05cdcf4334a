"""Is the integer behind a target label its index or its price? (catalogue, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from .labels import Label, final_at
from .lexicon import LABELS, NOT_ORDINARY
from .links import Link, follow, skip_remark
from .message import Message
from .tokens import TokenKind

__all__ = ["Index", "find_index", "is_index_mark"]

_MOST_INDEX = 20
#: unmarked, a larger integer is rather the price
_MOST_BARE_INDEX = 9
_COLONS = frozenset(":=")
#: behind an integer and a remark: the integer was the first price of a list
_LIST_SIGNS = frozenset(",/|;")


@dataclass(slots=True)
class Index:
    """An index at token ``place`` behind a target label, and the link from token ``end`` to the price.

    ``soft`` says that nothing but a space or a dash tells it from a price.
    """

    number: int
    place: int
    end: int
    link: Link
    soft: bool = False
    final: bool = False


def find_index(message: Message, label: Label, link: Link) -> Index | None:
    """Read the integer that ``link`` found behind a label as an index; None if it is no index."""
    place = link.price
    if place is None or link.fresh_line or _COLONS & link.signs:
        return None
    number = message.items[place].number
    if number is None or number.small is None or not 1 <= number.small <= _MOST_INDEX:
        return None
    behind_final = final_at(message.items, place + 1)
    end = place + 1 if behind_final is None else behind_final
    final = behind_final is not None
    if not label.plural:
        marked = _behind_mark(message, end)
        if marked is not None and marked.price is not None:
            return Index(number.small, place, end, marked, final=final)
    if number.small > _MOST_BARE_INDEX or label.final:
        return None
    if not label.plural:
        bare = _behind_space(message, end)
        if bare is not None:
            return Index(number.small, place, end, bare, soft=not bare.colon, final=final)
    if not final and _is_ordinary_word(message, end):
        return Index(number.small, place, end, Link(end=end))
    return None


def is_index_mark(message: Message, i: int) -> bool:
    """Tell whether token i is a `)` that marks the integer before it, as in `1) 10` or `(1) 10`."""
    if i >= len(message.items) or message.items[i].word != ")":
        return False
    opening = message.tokens.opening.get(i)
    return opening is None or opening == i - 2


def _behind_mark(message: Message, i: int) -> Link | None:
    """Follow the link behind `:` `=` `)` or a remark at token i; None without such a mark."""
    items = message.items
    if i >= len(items):
        return None
    if items[i].word in _COLONS:
        return follow(message, i)
    if is_index_mark(message, i):
        return follow(message, i + 1)
    if items[i].word == "(":
        behind = skip_remark(message, i)
        if behind is None or behind == i + 1:
            return None
        if behind < len(items) and items[behind].word in _LIST_SIGNS:
            return None
        return follow(message, behind)
    return None


def _behind_space(message: Message, i: int) -> Link | None:
    """Follow the link behind a space, dash or line break at token i; None if it leads to no price."""
    items = message.items
    if i >= len(items) or not (message.tokens.spaced(i - 1) or items[i].word == "-"):
        return None
    link = follow(message, i)
    if link.price is None or "ate" in link.words:
        return None
    price = items[link.price].number
    if "a" in link.words and (price is None or not price.separated):
        return None
    return link


def _is_ordinary_word(message: Message, i: int) -> bool:
    items = message.items
    if i >= len(items) or items[i].kind is not TokenKind.WORD:
        return False
    return items[i].word not in NOT_ORDINARY and items[i].word not in LABELS
