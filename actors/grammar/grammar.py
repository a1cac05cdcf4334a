"""The door of the grammar: a text in, a reading out."""

from __future__ import annotations

from engine.model import FirstHalf, Kind, Market, Reading

from .classify import classify
from .text import is_blank, prepare

__all__ = ["GRAMMAR_VERSION", "MAX_CHARS", "read"]

#: raised whenever a text may be read otherwise than before
GRAMMAR_VERSION = "2"
#: a longer text is not read; Telegram's own limit is 4096
MAX_CHARS = 16384


def read(
    text: str | None,
    caption: str | None = None,
    *,
    market: Market = Market.B3,
    half_of: FirstHalf | None = None,
) -> Reading:
    """Read a message: its text, or its caption when the text is missing or blank.

    ``half_of`` is the earlier message that this one may complete (section 14.3): a text that is a second
    half is then an update of it, any other text reads as without.

    Never raises, whatever the text holds. Takes linear time.

    >>> read("PETR4 compra 38,50 alvo 40,00 stop 37,60").signals[0].stop
    Decimal('37.60')
    """
    if text is None or is_blank(text[: MAX_CHARS + 1]):
        text = text if caption is None else caption
    if text is None:
        return Reading(kind=Kind.EMPTY, reason="missing")
    if len(text) > MAX_CHARS:
        return Reading(kind=Kind.NOT_SIGNAL, reason="too_long")
    prepared = prepare(text)
    if prepared.blank:
        return Reading(kind=Kind.EMPTY, reason="blank")
    if len(prepared.text) > MAX_CHARS:  # a few characters unfold to as many as eighteen
        return Reading(kind=Kind.NOT_SIGNAL, reason="too_long")
    return classify(prepared, market, half_of)
