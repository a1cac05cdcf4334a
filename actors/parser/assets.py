"""Which ticker a block is about (catalogue, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import Block, Places
from .mentions import Mention, Mentions
from .message import Message
from .tickers import Shape, Ticker

__all__ = ["Asset", "find_asset"]


@dataclass(slots=True)
class Asset:
    """The asset of a block: its ticker, the token it was read from, and by which rule.

    ``labelled`` tells that an asset label names it; ``certain`` that a label of some kind does.
    """

    ticker: Ticker
    token: int
    rule: str
    labelled: bool
    certain: bool

    @property
    def name(self) -> str:
        return self.ticker.name


def find_asset(message: Message, mentions: Mentions, block: Block, places: Places) -> Asset | None:
    """Choose the asset of a block; None if it names no ticker."""
    tickers = block.of(mentions.tickers)
    if not tickers:
        return None
    entries = [m for m in mentions.counted_between(block.start, block.end) if m.label.is_entry]
    labelled = [i for i in tickers if i in mentions.labelled]
    beside = [i for mention in entries for i in _next_to(mention, block)]
    if labelled:
        token, rule = labelled[0], "asset.labelled"
    elif beside:
        token, rule = beside[0], "asset.next_to_entry"
    else:
        lonely = block.of(places.alone)
        token, rule = (lonely[0], "asset.alone") if lonely else (tickers[0], "asset.first")
    certain = rule in {"asset.labelled", "asset.next_to_entry"}
    ticker = _ticker(message, token)
    if ticker.shape is Shape.SHARE:
        near = frozenset(next((mention.neighbours for mention in entries if mention.has_price), ()))
        first_price = next(iter(block.of(places.prices)), block.end)
        for i in tickers:
            option = _ticker(message, i)
            if option.shape is not Shape.OPTION or option.root != ticker.root:
                continue
            if i in mentions.labelled or i in near or (not certain and i < first_price):
                token, ticker, rule = i, option, "asset.option_of_share"
                break
    names = {_ticker(message, i).name for i in labelled}
    return Asset(ticker, token, rule, labelled=ticker.name in names, certain=certain)


def _next_to(mention: Mention, block: Block) -> list[int]:
    return [i for i in (*mention.before[:1], *mention.behind[:1]) if block.holds(i)]


def _ticker(message: Message, i: int) -> Ticker:
    ticker = message.items[i].ticker
    if ticker is None:
        raise ValueError(f"token {i} is no ticker")
    return ticker
