"""Doubtful ranges: whose second price is written short (catalogue, section 6), or of a target."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .links import Quote
from .lists import Target
from .message import Message
from .prices import Number, read_number, read_parted
from .tokens import TokenKind

__all__ = ["abbreviated", "is_slip", "is_waved"]

_JOINS = frozenset("/-")
_LAST_GROUP = re.compile("[0-9.,'’]*[.,'’]([0-9]+)")


def abbreviated(message: Message, quote: Quote) -> tuple[Number, Number] | None:
    """Return the second number of `33,40/55` as written and as meant; None if it is written whole."""
    first, second = quote.link.price, quote.second
    if first is None or second is None:
        return None
    items, text = message.items, message.prepared.text
    if not any(token.word in _JOINS for token in items[first + 1 : second]):
        return None
    written, short = (text[items[i].start : items[i].end] for i in (first, second))
    group = _LAST_GROUP.fullmatch(written)
    if group is None or not short.isdigit() or len(short) != len(group[1]):
        return None
    whole = written[: -len(short)] + short
    meant = read_number(whole) or read_parted(whole)
    plain = items[second].number
    if meant is None or plain is None or items[second].kind is not TokenKind.PRICE:
        return None
    return plain, meant


def is_slip(message: Message, quote: Quote) -> bool:
    """Tell whether the sign of `15_15` or `15~15` may be a slip for a comma: up to three bare digits follow."""
    first, second = quote.link.price, quote.second
    if first is None or second != first + 2:
        return False
    before, sign, behind = message.items[first : second + 1]
    tight = before.end == sign.start and sign.end == behind.start
    return sign.word == "~" and tight and behind.number is not None and behind.number.small is not None


def is_waved(message: Message, targets: Sequence[Target]) -> bool:
    """Tell whether `~` or `_` joins a target to a number (`Alvo 2: 10_64`): a range, or a slip for a comma."""
    items = message.items
    return any(
        target.price + 2 < len(items)
        and items[target.price + 1].word == "~"
        and items[target.price + 2].number is not None
        for target in targets
    )
