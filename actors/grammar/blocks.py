"""Several signals in one message: where each block begins (catalogue, section 4)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from .mentions import Mentions
from .message import Message
from .tokens import TokenKind

__all__ = ["Block", "BlockPlaces", "split_blocks"]

#: what may stand beside a ticker that is alone on its line: numbers and punctuation
_ASIDE = frozenset(
    (
        TokenKind.PRICE,
        TokenKind.QUANTITY,
        TokenKind.FIGURE,
        TokenKind.PERCENT,
        TokenKind.DATE,
        TokenKind.CURRENCY,
        TokenKind.SIGN,
    )
)


@dataclass(slots=True)
class Block:
    """The tokens ``start``..``end`` of a message, of which one signal is read."""

    start: int
    end: int

    def holds(self, i: int) -> bool:
        return self.start <= i < self.end

    def of(self, tokens: list[int]) -> list[int]:
        """Return those of sorted tokens that the block holds."""
        return tokens[bisect_left(tokens, self.start) : bisect_left(tokens, self.end)]


@dataclass(slots=True)
class _Anchor:
    """A ticker that may begin a block, and where its own label begins (itself, without one)."""

    ticker: int
    start: int
    labelled: bool


class BlockPlaces:
    """Where a message says something that is read, as sorted tokens.

    ``tickers`` are all tickers, ``dates`` what a validity is read from.
    """

    def __init__(self, message: Message, mentions: Mentions, dates: list[int]) -> None:
        self._message = message
        self._mentions = mentions
        self.tickers = mentions.tickers
        self.dates = dates

    @cached_property
    def alone(self) -> list[int]:
        """The tickers that are alone on their lines."""
        return _alone_on_lines(self._message, self.tickers)

    @cached_property
    def prices(self) -> list[int]:
        """What labels that count lead to."""
        return sorted(price for mention in self._mentions.counted for price in mention.prices)


def split_blocks(message: Message, mentions: Mentions, places: BlockPlaces) -> list[Block]:
    """Cut a message into blocks."""
    items = message.items
    if len(places.tickers) < 2:
        return [Block(0, len(items))]
    starts = [0]
    last = None
    first = 0
    for anchor in _anchors(mentions, places.alone):
        ticker = items[anchor.ticker].ticker
        if ticker is None or (last is not None and last.name == ticker.name):
            continue
        if last is None:
            first = anchor.ticker
        elif ticker.root != last.root or (
            anchor.labelled
            and not (ticker.named or last.named)
            and _any_in(places.prices, first, anchor.ticker)
        ):
            starts.append(_begin(message, anchor.start, starts[-1], places))
            first = anchor.ticker
        last = ticker
    return [Block(start, end) for start, end in zip(starts, [*starts[1:], len(items)], strict=True)]


def _anchors(mentions: Mentions, alone: list[int]) -> list[_Anchor]:
    starts = {ticker: ticker for ticker in alone}
    for mention in mentions.counted:
        for ticker in mention.before[:1]:
            starts.setdefault(ticker, ticker)
        for ticker in mention.behind[:1]:
            starts[ticker] = min(mention.start, starts.get(ticker, ticker))
    for ticker, start in mentions.labelled.items():
        starts[ticker] = min(start, starts.get(ticker, ticker))
    return [_Anchor(ticker, start, ticker in mentions.labelled) for ticker, start in sorted(starts.items())]


def _begin(message: Message, own: int, before: int, places: BlockPlaces) -> int:
    """Return where a later block begins, whose own label or ticker is token ``own``."""
    lines = message.tokens.lines
    read = (places.tickers, places.prices, places.dates)
    line = message.items[own].line
    start = lines[line][0]
    if start <= before or any(_any_in(each, start, own) for each in read):
        return own  # its line serves the block before, too
    while line > 0:
        line -= 1
        above, end = lines[line]
        if above <= before or any(_any_in(each, above, end) for each in read):
            break
        start = above
    return start


def _any_in(tokens: list[int], start: int, end: int) -> bool:
    place = bisect_left(tokens, start)
    return place < len(tokens) and tokens[place] < end


def _alone_on_lines(message: Message, tickers: list[int]) -> list[int]:
    """Return the tickers that are alone on their lines: numbers, signs and remarks aside.

    Of two tickers neither is alone; one in parentheses behind another is a remark on it.
    """
    lines = message.tokens.lines
    ticker_lines = dict.fromkeys(message.items[ticker].line for ticker in tickers)
    alone = [_alone_between(message, *lines[line]) for line in ticker_lines]
    return [ticker for ticker in alone if ticker is not None]


def _alone_between(message: Message, start: int, end: int) -> int | None:
    items = message.items
    found = None
    i = start
    while i < end:
        close = message.tokens.closing.get(i) if items[i].word == "(" else None
        if close is not None and (found is not None or not _only_ticker(message, i, close)):
            i = close
        elif items[i].kind is TokenKind.TICKER and found is None:
            found = i
        elif items[i].kind not in _ASIDE:
            return None
        i += 1
    return found


def _only_ticker(message: Message, opening: int, close: int) -> bool:
    inside = message.items[opening + 1 : close]
    return any(token.kind is TokenKind.TICKER for token in inside) and all(
        token.kind is TokenKind.TICKER or token.kind in _ASIDE for token in inside
    )
