"""Names that are a ticker in asset position only (catalogue, section 4: contract by its root or name; 13.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.model import Market

from .lexicon import ENTRY_FIELDS, Field, Vocabulary
from .patterns import MONTH_WORDS
from .tickers import NAMES_OF, ROOTS, Ticker, base_ticker
from .tokens import Token, TokenKind, Tokens

__all__ = ["mark_names"]

#: may stand between an asset label and the name, besides the words of section 3
_BEFORE_NAME = frozenset(("futuro", "futuros", "do", "de"))
_ASIDE = frozenset(
    (
        TokenKind.PRICE,
        TokenKind.QUANTITY,
        TokenKind.FIGURE,
        TokenKind.PERCENT,
        TokenKind.DATE,
        TokenKind.CURRENCY,
        TokenKind.SIGN,
        TokenKind.INDEX,
    )
)


def mark_names(tokens: Tokens, market: Market, vocabulary: Vocabulary) -> None:
    """Make tickers of the names of contracts and metals that stand in asset position."""
    names = NAMES_OF[market]
    for i, end, ticker in _found(tokens, names, market):
        behind_label = _is_behind_label(tokens, i, vocabulary)
        if ticker.base:
            placed = behind_label
        else:
            placed = behind_label or _is_beside_entry(tokens, i, end, vocabulary) or _is_alone(tokens, i, end)
        if placed:
            _make_ticker(tokens.items, i, end, ticker)


def _found(
    tokens: Tokens, names: dict[str, list[tuple[tuple[str, ...], Ticker]]], market: Market
) -> Iterator[tuple[int, int, Ticker]]:
    """Yield the places of names: first token, the one behind the last, the ticker."""
    items = tokens.items
    if market is not Market.CRYPTO and names.keys().isdisjoint(tokens.words):
        return
    for i, token in enumerate(items):
        if token.kind is not TokenKind.WORD:
            continue
        for rest, ticker in names.get(token.word, ()):
            end = _behind(items, i + 1, rest)
            if end is not None and not (token.word in ROOTS and _is_month(items, end)):
                yield i, end, ticker
                break
        else:
            base = base_ticker(token.word) if market is Market.CRYPTO else None
            if base is not None:
                yield i, i + 1, base


def _behind(items: list[Token], i: int, rest: tuple[str, ...]) -> int | None:
    """Match words in a row, a hyphen before each allowed (`mini-índice`)."""
    for word in rest:
        if i < len(items) and items[i].word == "-":
            i += 1
        if i >= len(items) or items[i].word != word:
            return None
        i += 1
    return i


def _is_month(items: list[Token], i: int) -> bool:
    """Tell whether a month stands apart behind a root (`WIN Z25`, `WDO dez`): which contract is not said."""
    while i < len(items) and items[i].kind is TokenKind.SIGN:
        i += 1
    return i < len(items) and (
        items[i].word in MONTH_WORDS or _MONTH_CODE.fullmatch(items[i].word) is not None
    )


_MONTH_CODE = re.compile("[fghjkmnquvxz][0-9]{2}")


def _make_ticker(items: list[Token], i: int, end: int, ticker: Ticker) -> None:
    """Let the first token of a name stand for all of it."""
    items[i].kind, items[i].ticker, items[i].end = TokenKind.TICKER, ticker, items[end - 1].end
    for token in items[i + 1 : end]:
        token.kind, token.word, token.start = TokenKind.SIGN, "", items[i].end
        token.end = items[i].end


def _is_behind_label(tokens: Tokens, i: int, vocabulary: Vocabulary) -> bool:
    """Tell whether an asset label leads to token i, on its line or at the end of the line before."""
    items = tokens.items
    crossed = False
    while i > 0:
        i -= 1
        token = items[i]
        if token.kind is TokenKind.BREAK:
            if crossed:
                return False
            crossed = True
            while i > 0 and items[i - 1].kind is TokenKind.BREAK:
                i -= 1
        elif token.kind is TokenKind.WORD:
            if _names(vocabulary, token.word, frozenset((Field.ASSET,))):
                return True
            if crossed or (token.word not in vocabulary.fillers and token.word not in _BEFORE_NAME):
                return False
        elif token.kind not in _SILENT:
            return False
    return False


_SILENT = frozenset((TokenKind.SIGN, TokenKind.CURRENCY, TokenKind.QUANTITY))


def _is_beside_entry(tokens: Tokens, first: int, end: int, vocabulary: Vocabulary) -> bool:
    """Tell whether an entry label stands next to tokens ``first``..``end`` on their line."""
    items = tokens.items
    for places in (range(first - 1, -1, -1), range(end, len(items))):
        for i in places:
            token = items[i]
            if token.kind is TokenKind.WORD:
                if _names(vocabulary, token.word, ENTRY_FIELDS):
                    return True
                if token.word not in vocabulary.fillers and token.word != "mercado":
                    break
            elif token.kind not in _SILENT and token.kind is not TokenKind.TICKER:
                break
    return False


def _names(vocabulary: Vocabulary, word: str, fields: frozenset[str]) -> bool:
    return any(field in fields and not rest for rest, field, _ in vocabulary.labels.get(word, ()))


def _is_alone(tokens: Tokens, first: int, end: int) -> bool:
    """Tell whether a name is alone on its line, numbers, punctuation and a remark in parentheses aside."""
    items = tokens.items
    start, line_end = tokens.lines[items[first].line]
    if any(token.kind not in _ASIDE for token in items[start:first]):
        return False
    i = end
    while i < line_end:
        close = tokens.closing.get(i) if items[i].word == "(" else None
        if close is not None:
            i = close
        elif items[i].kind not in _ASIDE:
            return False
        i += 1
    return True
