"""From a label to its price: what may stand between them (catalogue, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .lexicon import ASIDE_UNITS, FILLERS, FURTHER_SIGNS, FURTHER_WORDS, RANGE_SIGNS, RANGE_WORDS
from .message import Message
from .tokens import Token, TokenKind

__all__ = ["Link", "Quote", "after_units", "follow", "price_after", "read_quote", "skip_remark"]

_COLONS = frozenset(":=")


@dataclass(slots=True)
class Link:
    """The way from a label to its price.

    ``price`` is the token of the price, None if the link is broken. ``colon`` says that `:` or `=`
    follows the label, or its index or remark; ``signs`` are all signs on the way; ``tickers`` the
    tickers on it. ``fresh_line`` says that the price stands at the start of the next line.
    """

    price: int | None = None
    colon: bool = False
    fresh_line: bool = False
    signs: set[str] = field(default_factory=set)
    tickers: list[int] = field(default_factory=list)
    #: words between: `até 41,00`
    words: set[str] = field(default_factory=set)
    #: the token the walk ended at
    end: int = 0


@dataclass(slots=True)
class Quote:
    """One price, or two that are joined to a range (section 6), behind a label."""

    link: Link
    second: int | None = None
    #: a further price stands behind: which one is meant is doubtful
    further: bool = False
    #: behind the last token of the price or range
    end: int = 0


def follow(message: Message, at: int) -> Link:
    """Walk from token ``at``, behind a label or its index, to the label's price."""
    items = message.items
    link = Link()
    direct = True  # nothing but signs and remarks so far: the price may be on the next line
    i = at
    while i < len(items):
        token = items[i]
        kind = token.kind
        if kind is TokenKind.PRICE:
            link.price = i
            break
        if kind is TokenKind.SIGN:
            behind = _pass_sign(message, i, link, direct=direct)
            if behind is None:
                break
            i = behind
            continue
        if kind is TokenKind.BREAK and direct and not link.fresh_line:
            link.fresh_line = True
            i = message.next_line(i)
            continue
        if kind is TokenKind.WORD and token.word in FILLERS:
            link.words.add(token.word)
        elif kind is TokenKind.TICKER:
            link.tickers.append(i)
        elif kind is not TokenKind.CURRENCY and kind is not TokenKind.QUANTITY:
            break
        direct = False
        i += 1
    link.end = i
    return link


def _pass_sign(message: Message, i: int, link: Link, *, direct: bool) -> int | None:
    """Step over the sign at token i, with the remark that it may open; None if it ends the link."""
    word = message.items[i].word
    if word == "(":
        behind = skip_remark(message, i)
        if behind != i + 1:
            return behind
    elif direct and not link.signs and word in _COLONS:
        link.colon = True
    link.signs.add(word)
    return i + 1


def skip_remark(message: Message, i: int) -> int | None:
    """Judge the parenthesis that opens at token i.

    Returns the place behind it if it is a remark without a price, the place inside if it is only
    punctuation round a bare price, None if it holds a price among other things.
    """
    close = message.tokens.closing.get(i)
    if close is None:
        return i + 1
    inside = message.items[i + 1 : close]
    if not any(token.kind is TokenKind.PRICE for token in inside):
        return close + 1
    bare = all(
        token.kind in _BARE or token.word in ASIDE_UNITS or token.word in RANGE_WORDS for token in inside
    )
    return i + 1 if bare else None


_BARE = frozenset((TokenKind.PRICE, TokenKind.CURRENCY, TokenKind.SIGN))


def after_units(items: list[Token], i: int) -> int:
    """Step over `reais`, `pts`, `pontos` and a currency behind a number."""
    while i < len(items) and (items[i].word in ASIDE_UNITS or items[i].kind is TokenKind.CURRENCY):
        i += 1
    return i


def price_after(items: list[Token], i: int) -> int | None:
    """Return the price at token i, a currency aside."""
    while i < len(items) and items[i].kind is TokenKind.CURRENCY:
        i += 1
    return i if i < len(items) and items[i].kind is TokenKind.PRICE else None


def read_quote(message: Message, link: Link) -> Quote:
    """Read the price a link leads to, with the second one of a range and whether a third follows."""
    quote = Quote(link)
    if link.price is None:
        return quote
    items = message.items
    quote.end = after_units(items, link.price + 1)
    if quote.end < len(items) and _is_one_of(items[quote.end], RANGE_WORDS, RANGE_SIGNS):
        quote.second = price_after(items, quote.end + 1)
        if quote.second is not None:
            quote.end = after_units(items, quote.second + 1)
    i = quote.end
    while i < len(items) and _is_one_of(items[i], FURTHER_WORDS, FURTHER_SIGNS):
        i += 1
    quote.further = price_after(items, i) is not None
    return quote


def _is_one_of(token: Token, words: frozenset[str], signs: frozenset[str]) -> bool:
    if token.kind is TokenKind.WORD:
        return token.word in words
    return token.kind is TokenKind.SIGN and token.word in signs
