"""Which ticker a block is about (catalogue, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import Block, BlockPlaces
from .mentions import Mention, Mentions
from .message import Message
from .tickers import Shape, Ticker

__all__ = ["Asset", "find_asset"]


@dataclass(slots=True)
class Asset:
    """The asset of a block: its ticker, the token it was read from, and by which rule.

    ``labelled`` tells that an asset label names it; ``certain`` that a label of some kind does;
    ``unknown`` that an asset label of the block names something else that is no ticker.
    """

    ticker: Ticker
    token: int
    rule: str
    labelled: bool
    certain: bool
    unknown: bool = False

    @property
    def name(self) -> str:
        return self.ticker.name


def find_asset(message: Message, mentions: Mentions, block: Block, places: BlockPlaces) -> Asset | None:
    """Choose the asset of a block; None if it names no ticker."""
    tickers = block.of(mentions.tickers)
    if not tickers:
        return None
    counted = mentions.counted_between(block.start, block.end)
    unknown = any(mention.unknown for mention in counted)
    entries = [m for m in counted if m.label.is_entry]
    labelled = [i for i in tickers if i in mentions.labelled]
    beside = [i for mention in entries for i in _next_to(mention, block)]
    if labelled:
        token, rule = labelled[0], "asset.labelled"
    elif beside:
        token, rule = beside[0], "asset.next_to_entry"
    else:
        lonely = block.of(places.alone)
        if unknown and not lonely:
            return None
        token, rule = (lonely[0], "asset.alone") if lonely else (tickers[0], "asset.first")
    certain = rule in {"asset.labelled", "asset.next_to_entry"}
    # the label of a contract's name is that of its code
    named = rule == "asset.labelled" and _ticker(message, token).shape is Shape.FUTURE
    asset = Asset(_ticker(message, token), token, rule, labelled=named, certain=certain, unknown=unknown)
    if asset.ticker.named:
        _take_dated(message, asset, tickers)
    elif asset.ticker.shape is Shape.SHARE and len(tickers) > 1:
        near = frozenset(next((mention.neighbours for mention in entries if mention.has_price), ()))
        first_price = next(iter(block.of(places.prices)), block.end)
        meant = near.union(mentions.labelled, () if certain else (i for i in tickers if i < first_price))
        _take_option(message, asset, [i for i in tickers if i in meant])
    asset.labelled = asset.labelled or asset.name in {_ticker(message, i).name for i in labelled}
    return asset


def _take_dated(message: Message, asset: Asset, tickers: list[int]) -> None:
    """Take the code with a month for the name of its contract."""
    for i in tickers:
        dated = _ticker(message, i)
        if dated.root == asset.ticker.root and not dated.named and dated.shape is asset.ticker.shape:
            asset.token, asset.ticker = i, dated
            return


def _take_option(message: Message, asset: Asset, meant: list[int]) -> None:
    """Take the option for the share of its root, its underlying."""
    for i in meant:
        option = _ticker(message, i)
        if option.shape is Shape.OPTION and option.root == asset.ticker.root:
            asset.token, asset.ticker, asset.rule = i, option, "asset.option_of_share"
            return


def _next_to(mention: Mention, block: Block) -> list[int]:
    return [i for i in (*mention.before[:1], *mention.behind[:1]) if block.holds(i)]


def _ticker(message: Message, i: int) -> Ticker:
    ticker = message.items[i].ticker
    if ticker is None:
        raise ValueError(f"token {i} is no ticker")
    return ticker
