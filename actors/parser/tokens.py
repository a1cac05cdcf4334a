"""Cutting a prepared text into tokens, once: words, tickers, prices, signs, line breaks.

What a number is not by itself (section 5.3: percentage, date, time, glued to letters) is decided
here; what the words around it make of it in :mod:`.quantities`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from .lexicon import INDEXED_WORDS
from .prices import Number, read_number
from .text import CHECK, Prepared, fold
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


@dataclass(slots=True)
class Tokens:
    """The tokens of a message and what is known of their places.

    ``lines[n]`` is the range of tokens of line n, its break left out. ``closing`` leads from a
    parenthesis to the one that closes it on its line, ``opening`` back. ``checks`` holds the
    tokens that a check mark stands directly behind, on the same line.
    """

    text: str
    items: list[Token] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    closing: dict[int, int] = field(default_factory=dict)
    opening: dict[int, int] = field(default_factory=dict)
    checks: set[int] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def spaced(self, i: int) -> bool:
        """Tell whether white space, or the text's end, stands behind token i."""
        end = self.items[i].end
        return end >= len(self.text) or self.text[end] in " \n"


_MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
_MONTH = (
    "(?:jan(?:eiro)?|fev(?:ereiro)?|mar(?:[cç]o)?|abr(?:il)?|maio?|jun(?:ho)?|jul(?:ho)?"
    "|ago(?:sto)?|set(?:embro)?|out(?:ubro)?|nov(?:embro)?|dez(?:embro)?)"
)
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
_NUMERIC_MONTH = "(?:0?[1-9]|1[0-2])"
#: Repetitions whose pieces cannot be cut in two ways, so that giving one back costs a look at most. Not
#: possessive: Python 3.11 before 3.11.5 (Debian 12 has 3.11.2) matches possessive groups wrongly
#: (python/cpython issue 106052).
_NUMBER = "[.,]?[0-9]+(?:[.,][0-9]+)*"
#: letters, digits, and marks that strike digits through (such a number is not read)
_W = r"[\w\u0300-\u036f\u20d0-\u20ff]"
_PLAIN = rf"{_W}*(?:(?<=[0-9])[.,](?=[0-9]){_W}+)*"
_LINK = r"(?i:https?://|www\.|t\.me/)"
_CURRENCY = r"(?:[Rr]|[Uu][Ss])?\$"
#: after a target label `2:50` is an index and a price, not an hour
_NO_TARGET_LABEL = "".join(
    f"(?<!(?i:{word})[ ])" for word in ("alvo", "objetivo", "tp", "target", "take", "profit", "gain")
)

# The commonest tokens come first. A space before a token is eaten with it, which spares the search.
_TOKEN = re.compile(
    rf"""[ ]?(?:
    (?P<word>(?!{_LINK}|{_CURRENCY})[^\W0-9]{_PLAIN})(?:\.(?i:SA)(?!\w))?
    |(?P<break>\n)
    |(?P<colon>[:()])
    |(?<![\w/.,])(?P<date>
        (?P<day>{_DAY})o?/(?P<month>{_NUMERIC_MONTH})(?:/(?P<year>[0-9]{{4}}|[0-9]{{2}}))?(?![\w/]|[.,][0-9])
        |(?P<day_of>{_DAY})o?(?:/|[ ](?i:de)[ ])(?P<month_of>(?i:{_MONTH}))
         (?:(?:/|[ ](?i:de)[ ]|[ ])(?P<year_of>20[0-9]{{2}}|(?<=/)[0-9]{{2}}))?(?!\w)
        |[0-9]{{1,2}}/(?:19|20)[0-9]{{2}}(?![\w/]|[.,][0-9])
        |[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?![\w-]|[.,][0-9])
        |[0-9]{{1,2}}-[0-9]{{1,2}}-[0-9]{{4}}(?![\w-]|[.,][0-9])
    )
    |(?<![\w:.,])(?P<time>
        (?:[01][0-9]|2[0-4]|{_NO_TARGET_LABEL}[0-9]):[0-5][0-9](?::[0-5][0-9])?(?:hs?)?(?![\w:]|[.,][0-9])
    )
    |(?<![\w.,])(?P<percent>(?:(?P<signed>(?<![)%])[+-]|[+][ ]))?{_NUMBER}[ ]?%)
    |(?P<number>(?:(?<![\w.,])[.,])?[0-9]{_PLAIN})(?P<mil>[ ](?i:mil)(?!\w))?
    |(?P<currency>{_CURRENCY})
    |(?P<link>{_LINK}\S+)
    |(?P<check>{CHECK})
    |(?P<sign>[^ ])
    )""",
    re.VERBOSE,
)
_GLUED_INDEX = re.compile(rf"({'|'.join(sorted(INDEXED_WORDS))})0?(1[0-9]|20|[1-9])")
_ORDINAL = re.compile("[0-9]{1,2}o")
_SIGN_GROUPS = frozenset(("colon", "sign"))
_MEMO_LENGTH = 24


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


def tokenise(prepared: Prepared) -> Tokens:
    """Cut the text. Takes linear time: each character is looked at by one token only."""
    tokens = Tokens(text=prepared.text)
    items, line_start = tokens.items, 0
    line = 0
    for match in _TOKEN.finditer(prepared.text):
        group = match.lastgroup or ""
        start, end = match.span(group)
        if group == "word":
            lexeme = _word(match[group])
            if lexeme.index is not None:
                middle = start + lexeme.stem
                items.append(Token(TokenKind.WORD, lexeme.word, start, middle, line))
                items.append(Token(TokenKind.INDEX, "", middle, end, line, lexeme.index))
            else:
                items.append(Token(lexeme.kind, lexeme.word, start, end, line, None, lexeme.ticker))
        elif group in _SIGN_GROUPS:
            items.append(Token(TokenKind.SIGN, match[group], start, end, line))
        elif group == "number":
            lexeme = _number(match[group], mil=False)
            items.append(Token(lexeme.kind, lexeme.word, start, end, line, lexeme.number))
        elif group == "break":
            tokens.lines.append((line_start, len(items)))
            items.append(Token(TokenKind.BREAK, "", start, end, line))
            line_start = len(items)
            line += 1
        elif group == "check":
            if len(items) > line_start:
                tokens.checks.add(len(items) - 1)
        else:
            items.append(_special(match, line))
    tokens.lines.append((line_start, len(items)))
    tokens.words = {token.word for token in items}
    if "(" in tokens.words:
        _pair_parentheses(tokens)
    return tokens


def _special(match: re.Match[str], line: int) -> Token:
    """Make the token of a date, time, percentage, currency or link, or of a number with `mil`."""
    start, end = match.span(match.lastgroup or "")
    if match["mil"] is not None:
        lexeme = _number(match["number"], mil=True)
        return Token(lexeme.kind, lexeme.word, match.start("number"), end, line, lexeme.number)
    if match["date"] is not None:
        return Token(TokenKind.DATE, _date(match), start, end, line)
    if match["percent"] is not None:
        digits = match["percent"].strip("+-% ")
        signed = match["signed"] is not None
        return Token(TokenKind.PERCENT, "%", start, end, line, read_number(digits), None, signed)
    if match["currency"] is not None:
        return Token(TokenKind.CURRENCY, "$", start, end, line)
    kind = TokenKind.LINK if match["link"] is not None else TokenKind.FIGURE
    return Token(kind, "", start, end, line)


def _word(text: str) -> _Lexeme:
    return _word_lexeme(text) if len(text) <= _MEMO_LENGTH else _Lexeme(TokenKind.WORD, fold(text))


@lru_cache(maxsize=8192)
def _word_lexeme(text: str) -> _Lexeme:
    word = fold(text)
    if (ticker := ticker_of(text)) is not None:
        return _Lexeme(TokenKind.TICKER, word, ticker=ticker)
    if (glued := _GLUED_INDEX.fullmatch(word)) is not None:
        stem = len(glued[1])
        return _Lexeme(TokenKind.WORD, glued[1], index=read_number(str(int(glued[2]))), stem=stem)
    return _Lexeme(TokenKind.CURRENCY if word == "brl" else TokenKind.WORD, word)


def _number(text: str, *, mil: bool) -> _Lexeme:
    return (_number_lexeme if len(text) <= _MEMO_LENGTH else _number_lexeme.__wrapped__)(text, mil=mil)


@lru_cache(maxsize=8192)
def _number_lexeme(text: str, *, mil: bool) -> _Lexeme:
    number = read_number(text, mil=mil)
    if number is not None:
        # a field of zero is absent (section 5.3)
        return _Lexeme(TokenKind.PRICE if number.value else TokenKind.FIGURE, "", number)
    word = fold(text)
    # 12x, 10h30, 0x0 are glued to letters; digits with misplaced separators are no number
    return _Lexeme(TokenKind.FIGURE if word.strip("0123456789.,") == "" else TokenKind.WORD, word)


def _date(match: re.Match[str]) -> str:
    """Write a date as DD/MM or DD/MM/YYYY; "" if there is no such day."""
    day = match["day"] or match["day_of"]
    if day is None:  # month and year, or in another order: a date, but not a day of validity
        return ""
    year = match["year"] or match["year_of"]
    year = f"20{year}" if year is not None and len(year) == 2 else year
    month = int(match["month"] or _MONTHS.index(fold(match["month_of"])[:3]) + 1)
    in_year = int(year) if year is not None else _LEAP_YEAR
    if in_year == 0 or int(day) > monthrange(in_year, month)[1]:
        return ""
    return f"{int(day):02}/{month:02}" + (f"/{year}" if year is not None else "")


#: a date without a year may be 29/02
_LEAP_YEAR = 2024


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
