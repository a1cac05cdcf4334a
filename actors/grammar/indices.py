"""Is the integer behind a target label its index or its price? (catalogue, section 6: Index)."""

from __future__ import annotations

from dataclasses import dataclass

from .labels import Label, final_at
from .lexicon import NOT_ORDINARY, OTHER_FIGURES, Field
from .links import Link, follow, price_after, skip_remark
from .message import Message
from .tokens import TokenKind

__all__ = ["Doubt", "Index", "continues_list", "find_index", "is_index_mark"]

_MOST_INDEX = 20
#: unmarked, a larger integer is rather the price
_MOST_BARE_INDEX = 9
_COLONS = frozenset(":=")
_MARKS = frozenset(":=)")
#: behind an integer and a remark: the integer was the first price of a list
_LIST_SIGNS = frozenset(",/|;")
#: rule 2: with nothing else between them both are prices
_PARTING_SIGNS = frozenset("/|;,")
_PARTING_WORDS = frozenset(("a", "ate", "to", "e", "and"))
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


class Doubt:
    """How sure it is that an integer is an index. Plain constants, as in the lexicon."""

    NONE = ""
    #: doubtful unless the indices of the block run 1, 2, 3 ...
    UNLESS_RUN = "unless_run"
    ALWAYS = "always"


@dataclass(slots=True)
class Index:
    """An index at token ``place`` behind a target label, and the link from token ``end`` to the price."""

    number: int
    place: int
    end: int
    link: Link
    doubt: str = Doubt.NONE
    final: bool = False


def find_index(message: Message, label: Label, link: Link) -> Index | None:
    """Read the integer that ``link`` found behind a label as an index; None if it is no index.

    The rules are numbered as in section 6; rule 6 (it is the price) is what remains.
    """
    place = link.price
    if place is None or link.fresh_line or _COLONS & link.signs:
        return None
    number = message.items[place].number
    if number is None or number.small is None or not 1 <= number.small <= _MOST_INDEX:
        return None
    if message.items[place].unit:
        return None
    behind_final = final_at(message.items, place + 1)
    end = place + 1 if behind_final is None else behind_final
    index = Index(number.small, place, end, Link(end=end), final=behind_final is not None)
    bare = number.small <= _MOST_BARE_INDEX and not label.final
    if not label.plural and _takes_price(message, index, bare=bare):
        return index
    # rule 5; a check mark says as little of a price as a word
    if bare and not index.final and (_is_ordinary_word(message, end) or place in message.tokens.checks):
        return index
    return None


def _takes_price(message: Message, index: Index, *, bare: bool) -> bool:
    """Find the price behind an index by rules 1 to 4; ``bare`` says that it needs no mark."""
    marked = _behind_mark(message, index.end)  # rule 1
    if marked is not None and marked.price is not None:
        index.link = marked
        return True
    if not bare or continues_list(message, index.end):  # rule 2
        return False
    spaced = _behind_space(message, index.end)  # rule 3
    if spaced is not None:
        index.link = spaced
        index.doubt = Doubt.NONE if _has_mark(message, index.end, spaced) else Doubt.UNLESS_RUN
        return True
    later = _later_on_line(message, index.place, index.end)  # rule 4
    if later is not None:
        index.link, index.doubt = later
    return later is not None


def continues_list(message: Message, i: int) -> bool:
    """Tell whether the integer before token i is the first price of a list or range (rule 2)."""
    items = message.items
    start = i
    while i < len(items) and (items[i].word in _PARTING_SIGNS or items[i].word in _PARTING_WORDS):
        i += 1
    price = price_after(items, i)
    if price is None or i == start:
        return False
    if i == start + 1 and items[start].word == "a":
        number = items[price].number
        return number is not None and not number.separated
    return True


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
        return follow(message, i, Field.TARGET)
    if is_index_mark(message, i):
        return follow(message, i + 1, Field.TARGET)
    if items[i].word == "(":
        behind = skip_remark(message, i)
        if behind is None or behind == i + 1:
            return None
        if behind < len(items) and items[behind].word in _LIST_SIGNS:
            return None
        return follow(message, behind, Field.TARGET)
    return None


def _behind_space(message: Message, i: int) -> Link | None:
    """Follow the link behind a space, dash or line break at token i; None if it leads to no price."""
    items = message.items
    if i >= len(items) or not (message.tokens.spaced(i - 1) or items[i].word == "-"):
        return None
    link = follow(message, i, Field.TARGET)
    if link.price is None or "ate" in link.words:
        return None
    price = items[link.price].number
    if "a" in link.words and (price is None or not price.separated):
        return None
    return link


def _later_on_line(message: Message, place: int, i: int) -> tuple[Link, str] | None:
    """Find a price later on the line of the integer at token ``place`` (rule 4)."""
    items = message.items
    start, end = i, message.line_end(place)
    clause = message.clause_of[place]
    worded = remarked = False
    while i < end and items[i].kind is not TokenKind.PRICE:
        token = items[i]
        close = _closing(message, i, end) if token.word in _BRACKETS and not remarked else None
        if close is not None:
            remarked, i = True, close + 1
            clause = message.clause_of[i] if i < end else clause
            continue
        if token.kind is TokenKind.WORD:
            if token.word not in message.vocabulary.fillers:
                if message.clause_of[i] != clause or _stops_index(message, token.word):
                    return None
                worded = True
            elif _stops_index(message, token.word):
                return None
        elif token.kind not in _PASSED:
            return None
        i += 1
    if i >= end:
        return None
    link = Link(
        price=i, end=i, signs={token.word for token in items[start:i] if token.kind is TokenKind.SIGN}
    )
    link.colon = bool(_COLONS & link.signs)
    if worded:
        return link, Doubt.UNLESS_RUN if items[i - 1].word in {":", "=", "-"} else Doubt.ALWAYS
    return link, Doubt.NONE if _has_mark(message, start, link) else Doubt.UNLESS_RUN


def _stops_index(message: Message, word: str) -> bool:
    """Tell labels, names of other figures and words with digits: no index leads over them."""
    return word in message.vocabulary.labels or word in OTHER_FIGURES or not word.isalpha()


_PASSED = frozenset((TokenKind.SIGN, TokenKind.PERCENT, TokenKind.CURRENCY))


def _closing(message: Message, i: int, end: int) -> int | None:
    """Return the bracket that closes the one at token i, if no digit but a percentage stands inside."""
    items = message.items
    wanted = _BRACKETS[items[i].word]
    for j in range(i + 1, min(end, i + _LONGEST_REMARK)):
        if items[j].word == wanted:
            return j
        if items[j].number is not None and items[j].kind is not TokenKind.PERCENT:
            return None
    return None


_LONGEST_REMARK = 12


def _has_mark(message: Message, start: int, link: Link) -> bool:
    """Tell whether `:` `=` or `)` stands between an integer and its price."""
    return link.price is not None and any(token.word in _MARKS for token in message.items[start : link.price])


def _is_ordinary_word(message: Message, i: int) -> bool:
    items = message.items
    if i >= len(items) or items[i].kind is not TokenKind.WORD:
        return False
    return items[i].word not in NOT_ORDINARY and items[i].word not in message.vocabulary.labels
