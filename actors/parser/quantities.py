"""Numbers that count something: shares, contracts, days, millions (catalogue, section 5.3).

After this a :attr:`TokenKind.PRICE` stands only where a price may be.
"""

from __future__ import annotations

from .lexicon import ONE_UNIT_WORDS, QUANTITY_WORDS, UNIT_WORDS
from .tokens import Token, TokenKind

__all__ = ["mark_quantities"]

_LOTS = frozenset(("lote", "lotes"))


def mark_quantities(items: list[Token]) -> None:
    """Take from the prices what counts shares, days or millions (section 5.3)."""
    last = len(items) - 1
    before = ""
    for i, token in enumerate(items):
        if token.kind is not TokenKind.PRICE:
            # `lote 300` and `lote: 300`
            if token.word != ":":
                before = token.word
            continue
        after = items[i + 1] if i < last else None
        number = token.number
        if after is not None and after.word in UNIT_WORDS:
            token.kind = TokenKind.FIGURE
        elif number is not None and number.whole:
            if after is not None and number.small == 1 and after.word in ONE_UNIT_WORDS:
                token.kind = TokenKind.FIGURE
            elif before in _LOTS or (after is not None and _counts(items, i + 1, after)):
                token.kind = TokenKind.QUANTITY
        before = ""


def _counts(items: list[Token], i: int, after: Token) -> bool:
    """Tell whether the integer before token i is a number of what token i names."""
    if after.kind is TokenKind.TICKER:
        return True
    following = items[i + 1] if i + 1 < len(items) else None
    if after.word in {"#", "$"}:
        return following is not None and following.kind is TokenKind.TICKER
    return after.word in QUANTITY_WORDS and (following is None or following.word != ":")
