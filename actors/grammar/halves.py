"""A signal in two messages (catalogue, section 14.3)."""

from __future__ import annotations

from decimal import Decimal

from engine.model import Event, EventKind, FirstHalf

from .assets import Asset
from .blocks import Block
from .fields import Price, read_fields
from .lexicon import Field
from .mentions import Mentions
from .message import Message
from .signals import Candidate
from .tickers import Shape, Ticker, base_ticker, ticker_of
from .tokens import TokenKind

__all__ = ["complete", "first_half", "is_second_half"]

_LEVELS = frozenset((Field.TARGET, Field.STOP))


def first_half(message: Message, candidates: list[Candidate]) -> FirstHalf | None:
    """Return what a message without any price names: its side and its ticker."""
    items = message.items
    if len(candidates) != 1 or any(items[i].kind is TokenKind.PRICE for i in message.tokens.prices):
        return None
    (only,) = candidates
    if only.asset is None or only.fields is None or only.fields.side_mention is None:
        return None
    if len({t.ticker.name for t in items if t.ticker is not None}) != 1:
        return None
    return FirstHalf(side=only.fields.side, asset=only.asset.name)


def is_second_half(mentions: Mentions) -> bool:
    """Tell whether a message without a ticker holds a stop, a target, or both, with labels and prices."""
    if mentions.tickers or any(mention.unknown for mention in mentions.all):
        return False
    return any(mention.label.field in _LEVELS and mention.has_price for mention in mentions.counted)


def complete(message: Message, mentions: Mentions, half: FirstHalf) -> Event:
    """Read a second half as an update of the first: a price that is doubtful says nothing."""
    block = Block(0, len(message.items))
    asset = Asset(_ticker(message, half.asset), 0, "asset.first_half", labelled=True, certain=True)
    fields = read_fields(message, block, asset, mentions.counted, side=half.side)
    targets = list(fields.targets)
    if fields.final is not None and not fields.final_derived:
        targets.append(fields.final)
    entry = fields.entry
    sure_entry = entry is not None and not any(price.doubtful for price in entry) and not fields.ambiguous
    return Event(
        kind=EventKind.UPDATE,
        asset=half.asset,
        new_stop=_sure(fields.stop),
        new_targets=tuple(value for price in targets if (value := _sure(price)) is not None),
        new_entry=(entry[0].value, entry[1].value) if entry is not None and sure_entry else None,
    )


def _sure(price: Price | None) -> Decimal | None:
    return None if price is None or price.doubtful else price.value


def _ticker(message: Message, name: str) -> Ticker:
    """Return the ticker that a reading named before, contracts and bases too."""
    known = ticker_of(name, message.market) or base_ticker(name)
    return known or Ticker(name, Shape.UNKNOWN, name.rstrip("0123456789"))
