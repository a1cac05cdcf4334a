"""Which ticker a block is about (catalogue, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import Block
from .mentions import Mention, Mentions
from .message import Message
from .tickers import Shape, Ticker

__all__ = ["Asset", "find_asset"]


@dataclass(frozen=True, slots=True)
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


def find_asset(
    message: Message,
    mentions: Mentions,
    block: Block,
    entries: list[Mention],
    alone: list[int],
    first_price: int,
) -> Asset | None:
    """Choose the asset of a block.

    ``entries`` are the block's entry mentions that count, ``first_price`` is the first token in it
    from which a label's price is read.
    """
    tickers = [i for i in mentions.tickers if block.holds(i)]
    if not tickers:
        return None
    labelled = [i for i in tickers if i in mentions.labelled]
    beside = [i for mention in entries for i in _next_to(mention, block)]
    if labelled:
        token, rule = labelled[0], "asset.labelled"
    elif beside:
        token, rule = beside[0], "asset.next_to_entry"
    else:
        lonely = [i for i in alone if block.holds(i)]
        token, rule = (lonely[0], "asset.alone") if lonely else (tickers[0], "asset.first")
    certain = rule in {"asset.labelled", "asset.next_to_entry"}
    ticker = _ticker(message, token)
    if ticker.shape is Shape.SHARE:
        priced = next((mention for mention in entries if mention.has_price), None)
        near = frozenset(priced.neighbours if priced is not None else ())
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
