"""From a label to its price: what may stand between them (catalogue, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .lexicon import (
    ASIDE_UNITS,
    EXTREMES,
    FILLERS_OF,
    FURTHER_SIGNS,
    FURTHER_WORDS,
    PLACED_WORDS,
    RANGE_SIGNS,
    STANDING_WORDS,
)
from .message import Message
from .tokens import Token, TokenKind

__all__ = ["Link", "Quote", "after_units", "ends_line", "follow", "price_after", "read_quote", "skip_remark"]

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


def follow(message: Message, at: int, field: str = "") -> Link:
    """Walk from token ``at``, behind a label of a field or its index, to the label's price."""
    items = message.items
    link = Link()
    direct = True  # no more than a remark so far: a colon is the label's own
    on_line = True  # nothing but words that may stand between: the price may be on the next line
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
        if kind is TokenKind.BREAK and _leads_on(message, i, link, on_line=on_line):
            link.fresh_line = True
            i = message.next_line(i)
            continue
        if kind is TokenKind.WORD:
            behind = _pass_words(message, i, field)
            # on the next line a word with its own colon is a label of its own (15)
            if behind is None or (link.fresh_line and _word_at(items, behind) in _COLONS):
                break
            link.words.update(each.word for each in items[i:behind])
            i = behind - 1
        elif kind is TokenKind.TICKER:
            link.tickers.append(i)
            on_line = False
        elif kind is TokenKind.CURRENCY or kind is TokenKind.QUANTITY:
            on_line = False
        else:
            break
        direct = False
        i += 1
    link.end = i
    return link


def _leads_on(message: Message, i: int, link: Link, *, on_line: bool) -> bool:
    """Tell whether a link goes on behind the line break at token i: behind a ticker only to an `@`."""
    if link.fresh_line:
        return False
    return on_line or _word_at(message.items, message.next_line(i)) == "@"


def _pass_words(message: Message, i: int, field: str) -> int | None:
    """Step over a word that may stand between a label and its price; None if it may not."""
    items = message.items
    word = items[i].word
    following = _word_at(items, i + 1)
    if word in STANDING_WORDS:
        if following in PLACED_WORDS:
            return i + 2
        return i + 1 if following in {"em", "a", "no", "na", "nos", "nas", "aos"} else None
    if word in EXTREMES:
        return i + 1 if following == "em" and price_after(items, i + 2) is not None else None
    if word == "as" and not message.prepared.text[items[i].start : items[i].end].isascii():
        price = price_after(items, i + 1)  # `às 10` is an hour
        number = None if price is None else items[price].number
        return i + 1 if number is not None and number.separated else None
    if word in message.vocabulary.fillers or word in FILLERS_OF.get(field, ()):
        return i + 1
    if word == "redor":
        return i + 1 if i > 0 and items[i - 1].word == "ao" else None
    return None


def _word_at(items: list[Token], i: int) -> str:
    return items[i].word if i < len(items) else ""


def _pass_sign(message: Message, i: int, link: Link, *, direct: bool) -> int | None:
    """Step over the sign at token i, with the remark that it may open; None if it ends the link."""
    word = message.items[i].word
    if word == "(":
        behind = skip_remark(message, i, of_ticker=bool(link.tickers) and link.tickers[-1] == i - 1)
        if behind != i + 1:
            return behind
    elif direct and not link.signs and word in _COLONS:
        link.colon = True
    link.signs.add(word)
    return i + 1


def skip_remark(message: Message, i: int, *, of_ticker: bool = False) -> int | None:
    """Judge the parenthesis that opens at token i, perhaps right behind a ticker.

    Returns the place behind it if it is a remark without a price, the place inside if it is only
    punctuation round a bare price, None if it holds a price among other things.
    """
    close = message.tokens.closing.get(i)
    if close is None:
        return i + 1
    inside = message.items[i + 1 : close]
    prices = [token for token in inside if token.kind is TokenKind.PRICE]
    if not prices or (prices[0].unit and len(prices) == 1):  # a distance is no price (5.4)
        return close + 1
    said = [token for token in inside if token.kind not in _BARE and token.word not in ASIDE_UNITS]
    range_words = message.vocabulary.range_words
    bare = all(token.word in range_words for token in said)
    if len(prices) == 1:  # `(perto de 33,10)` (15)
        fillers = message.vocabulary.fillers
        bare = bare or all(token.kind is TokenKind.WORD and token.word in fillers for token in said)
    elif of_ticker:  # `BRKM5 (de 11,92 a 11,84)` (6)
        bare = bare or all(token.word in range_words or token.word in _RANGE_STARTS for token in said)
    return i + 1 if bare else None


_RANGE_STARTS = frozenset(("de", "entre"))
_BARE = frozenset((TokenKind.PRICE, TokenKind.CURRENCY, TokenKind.SIGN))


def after_units(items: list[Token], i: int) -> int:
    """Step over `reais`, `pts`, `pontos`, `pips` and a currency behind a number."""
    while i < len(items) and (items[i].word in ASIDE_UNITS or items[i].kind is TokenKind.CURRENCY):
        i += 1
    return i


def ends_line(items: list[Token], i: int) -> bool:
    """Tell whether nothing stands at token i: a break or the text's end."""
    return i >= len(items) or items[i].kind is TokenKind.BREAK


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
    if ends_line(items, quote.end):
        return quote
    range_words = message.vocabulary.range_words
    if quote.end < len(items) and _is_one_of(items[quote.end], range_words, RANGE_SIGNS):
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
