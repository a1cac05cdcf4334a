"""What each label of a message says, before it is known for which asset (catalogue, sections 3 to 6).

A mention is a label with the tickers and prices it leads to. Whether its clause lets it count is
decided here; whether it speaks of the block's asset only :mod:`.fields` can tell.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import Market

from .indices import Doubt, is_index_mark
from .labels import Label, find_labels
from .lexicon import OPEN_WORDS, PLACED_WORDS, Field
from .links import Link, Quote, follow, read_quote, skip_remark
from .message import Message
from .targets import Target, TargetReading, read_target_label
from .tokens import TokenKind

__all__ = ["Mention", "Mentions", "read_mentions"]

_COLONS = frozenset(":=")
_MOST_ENTRY_INDEX = 9


@dataclass(slots=True)
class Mention:
    """A label and what it leads to.

    ``counts`` is false where a negation, a condition or a question takes the label's word away and
    no colon gives it back; ``doubtful`` says that only the colon gave it back in a negated or
    questioned clause (9.6). ``quote`` is for entries and stops, ``targets`` for targets.
    ``ticker`` is the one an asset label names; ``before`` and ``behind`` are those next to an
    entry label, the nearest first.
    """

    label: Label
    link: Link
    counts: bool = True
    doubtful: bool = False
    colon: bool = False
    quote: Quote | None = None
    targets: Sequence[Target] = ()
    #: the tokens of the prices it leads to
    prices: Sequence[int] = ()
    index_token: int | None = None
    #: how sure the index behind the label is
    doubt: str = Doubt.NONE
    maybe_index: int | None = None
    #: outside B3 a level is left open instead of a price (13.5)
    open: bool = False
    #: behind the label and its index, for a check mark that may follow
    index_end: int = 0
    ticker: int | None = None
    #: an asset label names something that is no ticker
    unknown: bool = False
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()

    @property
    def start(self) -> int:
        return self.label.start

    @property
    def has_price(self) -> bool:
        return bool(self.prices)

    @property
    def is_asset(self) -> bool:
        return self.label.field is Field.ASSET

    @property
    def neighbours(self) -> tuple[int, ...]:
        return self.before + self.behind


@dataclass(slots=True)
class Mentions:
    """All mentions of a message, and where its tickers are."""

    all: list[Mention]
    counted: list[Mention]
    #: where the labels of ``counted`` are
    heads: list[int]
    #: the tokens that are tickers
    tickers: list[int]
    #: ticker after an asset label -> where that label starts
    labelled: dict[int, int]

    def counted_between(self, start: int, end: int) -> list[Mention]:
        """Return the mentions that count and whose labels stand at tokens ``start``..``end``."""
        return self.counted[bisect_left(self.heads, start) : bisect_left(self.heads, end)]


def read_mentions(message: Message) -> Mentions:
    """Read what each label leads to."""
    tickers = message.tickers
    found: list[Mention] = []
    labelled: dict[int, int] = {}
    passed = -1  # up to here a label was on the way of the one before to its price
    for label in find_labels(message):
        mention = None if label.head < passed else _read(message, label, tickers)
        if mention is None:
            continue
        if mention.prices:
            passed = mention.prices[0]
        found.append(mention)
        if mention.ticker is not None and mention.counts:
            labelled.setdefault(mention.ticker, label.start)
    counted = [mention for mention in found if mention.counts]
    return Mentions(found, counted, [mention.label.head for mention in counted], tickers, labelled)


def _read(message: Message, label: Label, tickers: list[int]) -> Mention | None:
    if label.field is Field.TARGET:
        mention = _of_target(message, label)
        if mention is None:
            return None
    elif label.field is Field.ASSET:
        mention = _of_asset(message, label, tickers)
    else:
        mention = _of_price(message, label)
    clause = message.clause_at(label.head)
    negated = clause.question or label.head > clause.negated
    planned = clause.hypothetical or (clause.conditional and not PLACED_WORDS & mention.link.words)
    mention.counts = mention.colon or not (negated or planned)
    mention.doubtful = negated and mention.colon
    return mention


def _of_target(message: Message, label: Label) -> Mention | None:
    reading = read_target_label(message, label)
    follows = reading.targets or reading.open or _index_follows(reading)
    if label.tp and label.index is None and not follows:
        return None  # TP Capital is the channel
    if label.ordinal and not reading.targets:
        return None
    return Mention(
        label,
        reading.link,
        colon=reading.colon,
        targets=reading.targets,
        prices=[target.price for target in reading.targets],
        index_token=reading.index_token,
        doubt=reading.doubt,
        maybe_index=reading.maybe_index,
        open=reading.open,
        index_end=reading.index_end,
    )


def _of_asset(message: Message, label: Label, tickers: list[int]) -> Mention:
    end = label.end
    colon = end < len(message.items) and message.items[end].word in _COLONS
    ticker = _named_ticker(message, label, tickers)
    return Mention(
        label,
        Link(),
        colon=colon,
        index_end=end,
        ticker=ticker,
        unknown=ticker is None and colon and _names_unknown(message, label),
    )


def _of_price(message: Message, label: Label) -> Mention:
    """Read the label of an entry or stop."""
    link, index_token = _price_link(message, label)
    quote = read_quote(message, link)
    is_open = (
        message.market is not Market.B3
        and link.price is None
        and link.end < len(message.items)
        and message.items[link.end].word in OPEN_WORDS
    )
    return Mention(
        label,
        link,
        colon=link.colon,
        quote=quote,
        prices=[price for price in (link.price, quote.second) if price is not None],
        index_token=index_token,
        open=is_open,
        index_end=label.end,
        before=_tickers_beside(message, label.start - 1, -1) if label.is_entry else (),
        behind=_tickers_beside(message, label.end, 1) if label.is_entry else (),
    )


def _index_follows(reading: TargetReading) -> bool:
    return reading.index_token is not None or reading.link.price is not None


def _price_link(message: Message, label: Label) -> tuple[Link, int | None]:
    """Follow the link of an entry or stop label, over its index (`Entrada 1: 22,40`), which is returned, too."""
    items = message.items
    link = follow(message, label.end, label.field)
    if link.price != label.end or label.end + 1 >= len(items):
        return link, None
    number = items[label.end].number
    if number is None or number.small is None or not 1 <= number.small <= _MOST_ENTRY_INDEX:
        return link, None
    behind = label.end + 1
    mark = items[behind].word
    if mark == "(":
        after = skip_remark(message, behind)
        if after is None or after >= len(items) or items[after].word not in _COLONS:
            return link, None
    elif mark not in _COLONS and not is_index_mark(message, behind):
        return link, None
    indexed = follow(message, behind + (mark == ")"), label.field)
    return (indexed, label.end) if indexed.price is not None else (link, None)


def _named_ticker(message: Message, label: Label, tickers: list[int]) -> int | None:
    """Return the first ticker after an asset label: on its line, or on the next if the label ends it."""
    items = message.items
    start, end = label.end, message.line_end(label.head)
    if all(token.kind is TokenKind.SIGN for token in items[start:end]):
        start = message.next_line(label.head)
        end = message.line_end(start) if start < len(items) else start
    place = bisect_left(tickers, start)
    return tickers[place] if place < len(tickers) and tickers[place] < end else None


def _names_unknown(message: Message, label: Label) -> bool:
    """Tell whether a word that is no label stands behind an asset label's colon, and no ticker on its line."""
    items = message.items
    line = items[label.end : message.line_end(label.head)]
    if any(token.kind is TokenKind.TICKER for token in line):
        return False
    first = next((token for token in line if token.kind is not TokenKind.SIGN), None)
    return first is not None and first.kind is TokenKind.WORD and first.word not in message.vocabulary.labels


#: may stand between an entry label and its ticker; a currency is also the sign of `$AVAX`
_BESIDE = frozenset((TokenKind.SIGN, TokenKind.QUANTITY, TokenKind.CURRENCY))


def _tickers_beside(message: Message, i: int, step: int) -> tuple[int, ...]:
    """Return the tickers next to an entry label on its line, on one side, the nearest first."""
    items = message.items
    found: list[int] = []
    while 0 <= i < len(items):
        token = items[i]
        if token.kind is TokenKind.TICKER:
            found.append(i)
        elif token.kind is TokenKind.WORD:
            if token.word not in message.vocabulary.fillers and token.word != "mercado":
                break
        elif token.kind not in _BESIDE:
            break
        i += step
    return tuple(found)
