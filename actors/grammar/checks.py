"""What looks wrong in a signal: the warnings of one block (catalogue, section 10)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from engine.model import Side

from .assets import Asset
from .blocks import Block
from .fields import Fields, Price
from .lexicon import UNDERLYING_WORDS
from .mentions import Mentions
from .message import Message
from .tickers import Shape
from .tokens import TokenKind

__all__ = ["has_odd_characters", "names_several_tickers", "price_warnings"]

#: the highest price may be so many times the lowest
_FAR = Decimal(5)
_FAR_OPTION = Decimal(20)
_WIDE = Decimal("1.5")


def price_warnings(fields: Fields, asset: Asset) -> Iterator[str]:
    """Yield the warnings about the fields of a block. None of them changes a value."""
    if fields.ambiguous:
        yield "ambiguous_number"
    if fields.duplicate:
        yield "duplicate_field"
    if asset.ticker.shape is Shape.UNKNOWN:
        yield "unknown_asset_shape"
    yield from _missing_parts(fields)
    values = [price.value for price in fields.prices]
    far = _FAR_OPTION if asset.ticker.shape is Shape.OPTION else _FAR
    if values and max(values) > far * min(values):
        yield "far_price"
    yield from _side_warnings(fields)


def _missing_parts(fields: Fields) -> Iterator[str]:
    """Yield what is not there, or not as a price."""
    if fields.relative:
        yield "relative_price"
    if fields.open_target:
        yield "open_target"
    if fields.entry is None:
        yield "missing_entry"
    elif fields.entry[1].value > _WIDE * fields.entry[0].value:
        yield "range_wide"
    if fields.final is None:
        yield "missing_targets"
    if fields.stop is None:
        yield "missing_stop"


def has_odd_characters(message: Message, block: Block, fields: Fields) -> bool:
    """Tell whether odd digits or foreign signs stand in a block, or bidi controls in the message (5.5)."""
    if message.prepared.bidi:
        return True
    # one that no label leads to, too: the odd digit may be what stands between (`Alvo 2: ³18,97`)
    return (message.tokens.foreign or bool(message.tokens.odd)) and any(
        token.odd
        for token in (
            *message.items[block.start : block.end],
            *(message.items[price.token] for price in fields.prices),
        )
    )


def _side_warnings(fields: Fields) -> Iterator[str]:
    """Compare the fields as for a buy; of a short all prices are mirrored at zero."""
    short = fields.side is Side.SELL

    def as_buy(price: Price) -> Decimal:
        return -price.value if short else price.value

    targets = [as_buy(price) for price in fields.targets]
    if fields.final is not None and not fields.final_derived:
        targets.append(as_buy(fields.final))
    entry = [as_buy(price) for price in fields.entry or ()]
    if fields.stop is not None:
        reference = entry or targets
        if reference and as_buy(fields.stop) >= min(reference):
            yield "stop_side"
    if any(later < earlier for earlier, later in pairwise(targets)):
        yield "target_order"
    if entry and any(target <= max(entry) for target in targets):
        yield "target_side"


def names_several_tickers(message: Message, mentions: Mentions, block: Block, asset: Asset) -> bool:
    """Tell whether another ticker of the block may be the one that is meant."""
    line = message.items[asset.token].line
    if asset.unknown and not asset.certain:
        return True
    for i in block.of(mentions.tickers):
        token = message.items[i]
        ticker = token.ticker
        if ticker is None or ticker.name == asset.name:
            continue
        if ticker.named and ticker.root == asset.ticker.root:
            continue
        if not asset.certain:
            return True
        is_underlying_share = (
            asset.ticker.shape is Shape.OPTION
            and ticker.shape is Shape.SHARE
            and ticker.root == asset.ticker.root
        )
        if is_underlying_share:
            continue
        if ticker.root == asset.ticker.root:
            return True
        if token.line == line and i not in mentions.labelled and not _is_named_underlying(message, i):
            return True
    return False


def _is_named_underlying(message: Message, i: int) -> bool:
    """Tell whether `objeto`, `base` or `subjacente` stands before a ticker."""
    items = message.items
    i -= 1
    while i >= 0 and items[i].kind is TokenKind.SIGN:
        i -= 1
    return i >= 0 and items[i].word in UNDERLYING_WORDS
