"""Options that are told by their share: the price may be a premium (catalogue, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from .assets import Asset
from .blocks import Block
from .clauses import Clause
from .fields import Fields
from .lexicon import words
from .message import Message
from .patterns import MONTH_WORDS
from .tickers import Shape
from .tokens import Token, TokenKind

__all__ = ["is_unnamed_option"]

_WORDS = words("call calls put puts opcao opcoes strike strikes exercicio vencimento vencimentos")
_DENIALS = words("sem nao nem")
#: `call do dia` is a tip
_TIPS = (("do", "dia"), ("de", "hoje"), ("da", "semana"))
_NUMBERS = frozenset(
    (
        TokenKind.PRICE,
        TokenKind.QUANTITY,
        TokenKind.FIGURE,
        TokenKind.DATE,
        TokenKind.CURRENCY,
        TokenKind.SIGN,
        TokenKind.INDEX,
        TokenKind.PERCENT,
    )
)
_COLONS = frozenset(":=")


def is_unnamed_option(message: Message, block: Block, asset: Asset, fields: Fields) -> bool:
    """Tell whether a block whose asset is a share speaks of an option on it."""
    if asset.ticker.shape is not Shape.SHARE or message.tokens.words.isdisjoint(_WORDS):
        return False
    places = [
        i
        for i in range(block.start, block.end)
        if message.items[i].word in _WORDS and not _is_aside(message, i)
    ]
    return bool(places) and (
        any(_is_beside(message, i, asset.token) for i in places)
        or any(_is_with_entry(message, i, fields) for i in places)
        or any(_heads_line(message, i) for i in places)
    )


def _is_aside(message: Message, i: int) -> bool:
    """Tell whether sem, não or nem stands before the word in its clause, or it is the tip of the day."""
    items = message.items
    if tuple(token.word for token in items[i + 1 : i + 3]) in _TIPS and items[i].word == "call":
        return True
    clause = message.clause_at(i)
    return any(token.word in _DENIALS for token in items[clause.start : i])


def _is_beside(message: Message, i: int, asset: int) -> bool:
    """Tell whether only numbers, dates, months and words of section 3 part the word from the asset."""
    items = message.items
    if items[i].line != items[asset].line:
        return False
    start = i + 1
    if i + 2 < asset and items[start].word == "de" and items[start + 1].word in {"compra", "venda"}:
        start += 2  # `opção de compra`
    between = items[start:asset] if i < asset else items[asset + 1 : i]
    return all(_is_passed(message, token) for token in between)


def _is_passed(message: Message, token: Token) -> bool:
    if token.kind in _NUMBERS:
        return True
    return token.kind is TokenKind.WORD and (
        token.word in message.vocabulary.fillers or token.word in MONTH_WORDS or token.word in _WORDS
    )


def _is_with_entry(message: Message, i: int, fields: Fields) -> bool:
    """Tell whether the word stands in the entry label's clause, or alone in parentheses behind its price."""
    entry = fields.entry_mention
    if entry is None:
        return False
    clause = message.clause_at(i)
    if clause is message.clause_at(entry.label.head):
        return True
    return _is_remark(message, clause, entry.prices)


def _is_remark(message: Message, clause: Clause, prices: Sequence[int]) -> bool:
    items = message.items
    opening = clause.start - 1
    if opening < 1 or items[opening].word != "(":
        return False
    if not any(
        0 < opening - price <= _CLOSE and all(_is_passed(message, t) for t in items[price + 1 : opening])
        for price in prices
    ):
        return False
    said = items[clause.start : clause.end]
    return all(_is_passed(message, token) for token in said) and any(token.word in _WORDS for token in said)


#: tokens between a price and the remark on it
_CLOSE = 3


def _heads_line(message: Message, i: int) -> bool:
    """Tell whether the word is first on its line, alone or before `:`, `=` or a number."""
    items = message.items
    start, end = message.tokens.lines[items[i].line]
    if any(token.kind is not TokenKind.SIGN for token in items[start:i]):
        return False
    if i + 1 >= end:
        return True
    behind = items[i + 1]
    return behind.word in _COLONS or behind.number is not None or behind.kind is TokenKind.CURRENCY
