"""Orders at market outside B3 (catalogue, section 13.4)."""

from __future__ import annotations

from engine.model import Market

from .fields import Fields
from .lexicon import Field, words
from .message import Message
from .tokens import TokenKind

__all__ = ["is_order_at_market"]

_ASIDE = words("now market at a mercado agora ja ahora ya order signal sinal senal again mercado")
_SILENT = frozenset((TokenKind.SIGN, TokenKind.BREAK, TokenKind.CURRENCY, TokenKind.TICKER))


def is_order_at_market(message: Message, fields: Fields) -> bool:
    """Tell whether a line holds only a ticker, a buying or selling label, and words such as `now`."""
    if message.market is Market.B3:
        return False
    items = message.items
    for mention in fields.mentions:
        label = mention.label
        if label.field is not Field.BUY and label.field is not Field.SELL:
            continue
        start, end = message.tokens.lines[items[label.head].line]
        others = (*items[start : label.start], *items[label.end : end])
        if any(token.kind is TokenKind.TICKER for token in others) and all(
            token.kind in _SILENT or token.word in _ASIDE for token in others
        ):
            return True
    return False
