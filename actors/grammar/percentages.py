"""Percentages of events: the part of a position, a gain or a loss (catalogue, section 14.1)."""

from __future__ import annotations

from decimal import Decimal

from .message import Message
from .tokens import Token

__all__ = ["hundredth", "signed_percent"]


def hundredth(value: Decimal) -> Decimal:
    """Divide a percentage by a hundred, without zeros that nobody wrote."""
    return (value / 100).normalize() if value != 100 else Decimal(1)


def signed_percent(message: Message, token: Token) -> Decimal | None:
    """Return a percentage with the sign that is written."""
    if token.number is None:
        return None
    text = message.prepared.text[token.start : token.end]
    return -token.number.value if text.startswith("-") else token.number.value
