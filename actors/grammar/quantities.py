"""Numbers that count something: shares, contracts, days, millions (catalogue, section 5.3).

After this a :attr:`TokenKind.PRICE` stands only where a price may be.
"""

from __future__ import annotations

from engine.model import Market

from .lexicon import ONE_UNIT_WORDS, QUANTITY_WORDS, RANGE_SIGNS, UNIT_WORDS, words
from .prices import Number
from .tokens import Token, TokenKind, Tokens

__all__ = ["mark_quantities"]

_LOTS = frozenset(("lote", "lotes"))
#: outside B3 a number behind one of these is a lot size or a leverage (13.3)
_SIZES = words(
    "lot lots lote lotes size leverage alavancagem apalancamiento risk risco riesgo cross isolated"
)
_LOTS_ABROAD = words("lot lots lote lotes")
_RANGE = RANGE_SIGNS | {"a", "to", "ate", "hasta", "e", "y"}


def mark_quantities(tokens: Tokens, market: Market) -> None:
    """Take from the prices what counts shares, days or millions (5.3) or is a lot size (13.3)."""
    items = tokens.items
    last = len(items) - 1
    for i in tokens.prices:
        token = items[i]
        after = items[i + 1] if i < last else None
        number = token.number
        if number is not None and number.multiplied and i > 1:
            _multiply_first(items, i)
        if (after is not None and after.word in UNIT_WORDS) or (
            market is not Market.B3
            and (_word_before(items, i) in _SIZES or (after is not None and after.word in _LOTS_ABROAD))
        ):
            token.kind = TokenKind.FIGURE
        elif number is not None and number.whole:
            if after is not None and number.small == 1 and after.word in ONE_UNIT_WORDS:
                token.kind = TokenKind.FIGURE
            elif _word_before(items, i) in _LOTS or (after is not None and _counts(items, i + 1, after)):
                token.kind = TokenKind.QUANTITY


def _word_before(items: list[Token], i: int) -> str:
    """Return the word before token i, colons aside: `lote 300` and `lote: 300`."""
    i -= 1
    while i >= 0 and items[i].word == ":":
        i -= 1
    return items[i].word if i >= 0 else ""


def _multiply_first(items: list[Token], i: int) -> None:
    """Multiply the first end of a range by the thousand that stands behind its second: `95-96k` (13.3)."""
    first, join, number = items[i - 2], items[i - 1], items[i].number
    if first.kind is not TokenKind.PRICE or join.word not in _RANGE or first.number is None or number is None:
        return
    if not first.number.multiplied and first.number.value < number.value / 100:
        value = first.number.value.scaleb(3)
        first.number = Number(value.quantize(1) if value == value.to_integral() else value, multiplied=True)


def _counts(items: list[Token], i: int, after: Token) -> bool:
    """Tell whether the integer before token i is a number of what token i names."""
    if after.kind is TokenKind.TICKER:
        return True
    following = items[i + 1] if i + 1 < len(items) else None
    if after.word in {"#", "$"}:
        return following is not None and following.kind is TokenKind.TICKER
    return after.word in QUANTITY_WORDS and (following is None or following.word != ":")
