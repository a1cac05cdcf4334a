"""Cutting a prepared text into tokens, once: words, tickers, prices, signs, line breaks.

What a number is not by itself (section 5.3: percentage, date, time, glued to letters) is decided
here; what the words around it make of it in :mod:`.quantities`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from engine.model import Market

from .lexicon import INDEXED_WORDS
from .patterns import PATTERN_OF, date_of
from .prices import Number, read_number, read_parted
from .text import Prepared, fold
from .tickers import Ticker, ticker_of

__all__ = ["Token", "TokenKind", "Tokens", "tokenise"]


class TokenKind:
    """What a token is to the grammar.

    Plain constants: every token's kind is asked for many times, and in Python 3.11 an Enum's member takes
    four times as long to look up.
    """

    WORD: Final = "word"
    TICKER: Final = "ticker"
    #: a number that may be a price (or an index)
    PRICE: Final = "price"
    #: a number of shares or contracts
    QUANTITY: Final = "quantity"
    #: a number that is neither, or a time
    FIGURE: Final = "figure"
    PERCENT: Final = "percent"
    DATE: Final = "date"
    #: the index glued to a target label
    INDEX: Final = "index"
    CURRENCY: Final = "currency"
    LINK: Final = "link"
    SIGN: Final = "sign"
    BREAK: Final = "break"


@dataclass(slots=True)
class Token:
    """A piece of the prepared text at ``start``..``end``.

    ``word`` is what is compared: the folded word, the sign itself, DD/MM[/YYYY] of a date ("" if
    there is no such day). ``signed`` is for percentages.
    """

    kind: str
    word: str
    start: int
    end: int
    line: int
    number: Number | None = None
    ticker: Ticker | None = None
    signed: bool = False
    #: an odd digit is glued to it, or it holds a foreign sign and has no value (5.5)
    odd: bool = False
    #: `points` or `pips`: it may be a distance (5.4)
    unit: str = ""


@dataclass(slots=True)
class Tokens:
    """The tokens of a message and what is known of their places.

    ``lines[n]`` is the range of tokens of line n, its break left out. ``closing`` leads from a
    parenthesis to the one that closes it on its line, ``opening`` back. ``checks`` holds the
    tokens that a check mark stands directly behind, on the same line, ``odd`` those of odd digits.
    """

    text: str
    items: list[Token] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    closing: dict[int, int] = field(default_factory=dict)
    opening: dict[int, int] = field(default_factory=dict)
    checks: set[int] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    odd: list[int] = field(default_factory=list)
    #: the tokens that may be prices by themselves; the words around make quantities of some
    prices: list[int] = field(default_factory=list)
    #: a foreign sign stands in a figure (5.5)
    foreign: bool = False
    #: `350pts`
    glued_unit: bool = False

    def spaced(self, i: int) -> bool:
        """Tell whether white space, or the text's end, stands behind token i."""
        end = self.items[i].end
        return end >= len(self.text) or self.text[end] in " \n\t"


_GLUED_INDEX = re.compile(rf"({'|'.join(sorted(INDEXED_WORDS))})0?(1[0-9]|20|[1-9])")
_GLUED_UNIT = re.compile("([0-9.,]+)(pts|pontos|pips?|ticks?)")
#: numbers of the commonest groups of a pattern, which are compared quicker than names: words, numbers, breaks, signs
_GROUPS_OF = {
    market: (group["word"], group["number"], group["break"], frozenset((group["colon"], group["sign"])))
    for market, pattern in PATTERN_OF.items()
    if (group := pattern.groupindex)
}
_LONGEST_REMEMBERED = 24
_MOST_REMEMBERED = 8192


@dataclass(frozen=True, slots=True)
class _Lexeme:
    """What a word or number is by itself, wherever it stands."""

    kind: str
    word: str
    number: Number | None = None
    ticker: Ticker | None = None
    #: a glued index and the length of what it is glued to
    index: Number | None = None
    stem: int = 0
    unit: str = ""


def tokenise(prepared: Prepared, market: Market) -> Tokens:
    """Cut the text. Takes linear time: each character is looked at by one token only."""
    tokens = Tokens(text=prepared.text)
    items, line_start = tokens.items, 0
    line = 0
    words, numbers = _WORDS[market], _NUMBERS[market]
    pattern = PATTERN_OF[market]
    word, number, line_break, signs = _GROUPS_OF[market]
    for match in pattern.finditer(prepared.text):
        group = match.lastindex or 0
        start, end = match.span(group)
        if group == word:
            lexeme = words[match[group]]
            if lexeme.index is not None:
                middle = start + lexeme.stem
                items.append(Token(TokenKind.WORD, lexeme.word, start, middle, line))
                items.append(Token(TokenKind.INDEX, "", middle, end, line, lexeme.index))
            else:
                items.append(Token(lexeme.kind, lexeme.word, start, end, line, None, lexeme.ticker))
        elif group in signs:
            items.append(Token(TokenKind.SIGN, match[group], start, end, line))
        elif group == number:
            lexeme = numbers[match[group]]
            if lexeme.kind is TokenKind.PRICE:
                tokens.prices.append(len(items))
                tokens.glued_unit |= lexeme.unit != ""
            items.append(Token(lexeme.kind, lexeme.word, start, end, line, lexeme.number, unit=lexeme.unit))
        elif group == line_break:
            tokens.lines.append((line_start, len(items)))
            items.append(Token(TokenKind.BREAK, "", start, end, line))
            line_start = len(items)
            line += 1
        else:
            _add_special(match, line, market, tokens)
    tokens.lines.append((line_start, len(items)))
    tokens.words = {token.word for token in items}
    if tokens.odd:
        _glue_odd(tokens)
    if "(" in tokens.words:
        _pair_parentheses(tokens)
    return tokens


def _glue_odd(tokens: Tokens) -> None:
    """Mark the prices that an odd digit is glued to."""
    items = tokens.items
    for i in tokens.odd:
        for j in (i - 1, i + 1):
            if 0 <= j < len(items) and items[j].kind is TokenKind.PRICE:
                items[j].odd |= items[j].end == items[i].start or items[i].end == items[j].start


def _add_special(match: re.Match[str], line: int, market: Market, tokens: Tokens) -> None:
    """Add what is no word, plain number, sign or break."""
    items = tokens.items
    if match["check"] is None:
        token = _special(match, line, market, tokens)
        if token.kind is TokenKind.PRICE:
            tokens.prices.append(len(items))
        items.append(token)
    elif items and items[-1].kind is not TokenKind.BREAK:
        tokens.checks.add(len(items) - 1)


def _special(match: re.Match[str], line: int, market: Market, tokens: Tokens) -> Token:
    group = match.lastgroup or ""
    start, end = match.span(group)
    if group == "pair":
        ticker = ticker_of(match[group], market)
        kind = TokenKind.WORD if ticker is None else TokenKind.TICKER
        return Token(kind, fold(match[group]), start, end, line, None, ticker)
    if group == "odd":
        tokens.odd.append(len(tokens.items))
        number = read_number(match[group]) if match[group] else None
        kind = TokenKind.FIGURE if number is None else TokenKind.INDEX
        return Token(kind, "", start - 1, end + 1, line, number)
    if match["tail"] is not None:
        number = read_parted(match["number"] + match["tail"], mil=match["mil"] is not None)
        kind = TokenKind.FIGURE if number is None else TokenKind.PRICE
        tokens.foreign = tokens.foreign or number is None
        return Token(kind, "", match.start("number"), end, line, number, odd=number is None)
    return _figure(match, line, start, end)


def _figure(match: re.Match[str], line: int, start: int, end: int) -> Token:
    """Make the token of a date, time, percentage, currency or link, or of a number with `mil`."""
    if match["mil"] is not None:
        lexeme = _read_figure(match["number"], mil=True)
        return Token(lexeme.kind, lexeme.word, match.start("number"), end, line, lexeme.number)
    if match["date"] is not None:
        return Token(TokenKind.DATE, date_of(match), start, end, line)
    if match["percent"] is not None:
        digits = match["percent"].strip("+-% ")
        signed = match["signed"] is not None
        return Token(TokenKind.PERCENT, "%", start, end, line, read_number(digits), None, signed)
    if match["currency"] is not None:
        return Token(TokenKind.CURRENCY, "$", start, end, line)
    kind = TokenKind.LINK if match["link"] is not None else TokenKind.FIGURE
    return Token(kind, "", start, end, line)


def _word_lexeme(text: str, market: Market) -> _Lexeme:
    word = fold(text)
    if len(text) > _LONGEST_REMEMBERED:
        return _Lexeme(TokenKind.WORD, word)
    if (ticker := ticker_of(text, market)) is not None:
        return _Lexeme(TokenKind.TICKER, word, ticker=ticker)
    if (glued := _GLUED_INDEX.fullmatch(word)) is not None:
        stem = len(glued[1])
        return _Lexeme(TokenKind.WORD, glued[1], index=read_number(str(int(glued[2]))), stem=stem)
    return _Lexeme(TokenKind.CURRENCY if word == "brl" else TokenKind.WORD, word)


def _number_lexeme(text: str, market: Market) -> _Lexeme:
    if market is Market.CRYPTO and text[-1] in "kK":
        return _read_figure(text[:-1], mil=True)
    return _read_figure(text)


def _read_figure(text: str, *, mil: bool = False) -> _Lexeme:
    number = read_number(text, mil=mil)
    if number is not None:
        # a field of zero is absent (section 5.3)
        return _Lexeme(TokenKind.PRICE if number.value else TokenKind.FIGURE, "", number)
    word = fold(text)
    if (glued := _GLUED_UNIT.fullmatch(word)) is not None and (number := read_number(glued[1])) is not None:
        unit = "pips" if glued[2] in {"pip", "pips", "tick", "ticks"} else "points"
        return _Lexeme(TokenKind.PRICE if number.value else TokenKind.FIGURE, "", number, unit=unit)
    # 12x, 10h30, 0x0 are glued to letters; digits with misplaced separators are no number
    return _Lexeme(TokenKind.FIGURE if word.strip("0123456789.,") == "" else TokenKind.WORD, word)


class _Memory(dict[str, _Lexeme]):
    """What pieces of text are by themselves. Forgets all when it is full: to know the oldest costs more."""

    def __init__(self, read: Callable[[str], _Lexeme]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> _Lexeme:
        lexeme = self._read(text)
        if len(text) <= _LONGEST_REMEMBERED:
            if len(self) >= _MOST_REMEMBERED:
                self.clear()
            self[text] = lexeme
        return lexeme


#: one memory for each market: a market in the key would cost more than the rest
_WORDS = {market: _Memory(partial(_word_lexeme, market=market)) for market in Market}
_NUMBERS = {market: _Memory(partial(_number_lexeme, market=market)) for market in Market}


def _pair_parentheses(tokens: Tokens) -> None:
    """Pair each ")" with the "(" right before it on its line; outer ones of a nest stay alone."""
    opened = -1
    for i, token in enumerate(tokens.items):
        if token.word == "(":
            opened = i
        elif token.word == ")" and opened >= 0:
            tokens.closing[opened] = i
            tokens.opening[i] = opened
            opened = -1
        elif token.kind is TokenKind.BREAK:
            opened = -1
