"""The fields of a block: side, entry, targets, stop (catalogue, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model import Side

from .assets import Asset
from .blocks import Block
from .lexicon import Field
from .links import Quote
from .mentions import Mention, follows_side_noun, stands_alone
from .message import Message
from .prices import Number, PriceRule, Scale
from .tickers import Shape

__all__ = ["Fields", "Price", "read_fields"]


@dataclass(slots=True)
class Price:
    """A price that was read: its value, its token, and how its digits were read."""

    value: Decimal
    token: int
    rule: PriceRule


@dataclass(slots=True)
class Fields:
    """What the labels of a block say about its asset. ``mentions`` are the labels that do."""

    mentions: list[Mention]
    side: Side = Side.BUY
    #: the label the side was read from
    side_mention: Mention | None = None
    entry: tuple[Price, Price] | None = None
    entry_mention: Mention | None = None
    targets: list[Price] = field(default_factory=list)
    final: Price | None = None
    #: no target was labelled final: it is the last of the targets
    final_derived: bool = False
    stop: Price | None = None
    stop_mention: Mention | None = None
    #: the labels of the targets, of exits too
    target_mentions: list[Mention] = field(default_factory=list)
    duplicate: bool = False
    ambiguous: bool = False

    @property
    def has_stop(self) -> bool:
        """Whether a stop is given, as a price or as a distance."""
        return self.stop is not None

    @property
    def prices(self) -> list[Price]:
        """All prices of the block: entry, targets, final target, stop."""
        prices = [*(self.entry or ()), *self.targets]
        prices += [price for price in (self.final, self.stop) if price is not None]
        return prices


def read_fields(message: Message, block: Block, asset: Asset, counted: list[Mention]) -> Fields:
    """Read the fields of a block from its mentions that count."""
    mentions = [mention for mention in counted if _speaks_of(message, block, mention, asset)]
    fields = Fields(mentions)
    _read_side(message, fields)
    return _Reader(message, block, asset, fields).read()


def _speaks_of(message: Message, block: Block, mention: Mention, asset: Asset) -> bool:
    """Leave out labels that speak of other tickers (section 3)."""
    clause = message.clause_at(mention.label.head)
    if clause.names and asset.name not in clause.names:
        return False
    on_the_way = [message.items[i].ticker for i in mention.link.tickers]
    if not mention.label.is_entry:
        return all(ticker is not None and ticker.name == asset.name for ticker in on_the_way)
    beside = [message.items[i].ticker for i in mention.neighbours if block.holds(i)]
    return not beside or any(ticker is not None and ticker.name == asset.name for ticker in beside)


def _read_side(message: Message, fields: Fields) -> None:
    for mention in fields.mentions:
        label = mention.label
        if label.field is not Field.BUY and label.field is not Field.SELL:
            continue
        if (
            mention.has_price
            or mention.neighbours
            or stands_alone(message, label)
            or follows_side_noun(message, label)
        ):
            fields.side = Side.BUY if label.field is Field.BUY else Side.SELL
            fields.side_mention = mention
            return


class _Reader:
    """Puts the prices of a block's mentions into their fields."""

    def __init__(self, message: Message, block: Block, asset: Asset, fields: Fields) -> None:
        self._message = message
        self._block = block
        self._asset = asset
        self._fields = fields
        self._entries: list[tuple[int, int]] = []
        self._stops: list[int] = []
        self._loose: list[int] = []
        self._numbered: dict[int, list[int]] = {}
        self._finals: list[int] = []

    def read(self) -> Fields:
        for mention in self._fields.mentions:
            if mention.label.field is Field.TARGET:
                self._take_targets(mention)
            elif mention.quote is not None and self._holds(mention.link.price):
                self._take_quote(mention, mention.quote)
        self._settle()
        return self._fields

    def _holds(self, token: int | None) -> bool:
        return token is not None and self._block.holds(token)

    def _take_targets(self, mention: Mention) -> None:
        targets = [target for target in mention.targets if self._holds(target.price)]
        if not targets:
            return
        self._fields.target_mentions.append(mention)
        for target in targets:
            if target.final:
                self._finals.append(target.price)
            elif target.index is not None:
                self._numbered.setdefault(target.index, []).append(target.price)
            else:
                self._loose.append(target.price)

    def _take_quote(self, mention: Mention, quote: Quote) -> None:
        fields, price = self._fields, quote.link.price
        if price is None:
            return
        against = Field.SELL if fields.side is Side.BUY else Field.BUY
        if mention.label.field is against:
            # an exit: a target without number
            self._loose.append(price)
            fields.target_mentions.append(mention)
            return
        second = quote.second if self._holds(quote.second) else None
        if mention.label.field is Field.STOP:
            if not self._stops:
                fields.stop_mention = mention
            self._stops.append(price)
            fields.duplicate = fields.duplicate or quote.further or second is not None
            return
        if not self._entries:
            fields.entry_mention = mention
        self._entries.append((price, price if second is None else second))
        fields.duplicate = fields.duplicate or quote.further

    def _settle(self) -> None:
        """Decide the ambiguous numbers, then fill the fields and compare what was given twice."""
        fields = self._fields
        set_tokens = [
            *(token for pair in self._entries[:1] for token in pair),
            *self._stops[:1],
            *self._finals[:1],
            *(tokens[0] for tokens in self._numbered.values()),
            *self._loose,
        ]
        numbers = [self._number(token) for token in set_tokens]
        scale = Scale.of(
            numbers,
            always_thousands=self._asset.ticker.always_thousands,
            is_option=self._asset.ticker.shape is Shape.OPTION,
        )
        fields.ambiguous = any(scale.rule(number)[1] for number in numbers) or self._doubtful_index()

        def price(token: int) -> Price:
            number = self._number(token)
            rule, _ = scale.rule(number)
            return Price(number.read_as(rule), token, rule)

        entries = [_in_order(price(low), price(high)) for low, high in self._entries]
        if entries:
            fields.entry = entries[0]
        stops = [price(token) for token in self._stops]
        fields.stop = stops[0] if stops else None
        numbered = {index: [price(token) for token in tokens] for index, tokens in self._numbered.items()}
        fields.targets = [numbered[index][0] for index in sorted(numbered)]
        fields.targets += [price(token) for token in sorted(self._loose)]
        finals = [price(token) for token in self._finals]
        fields.final = finals[0] if finals else None
        if fields.final is None and fields.targets:
            fields.final, fields.final_derived = fields.targets[-1], True
        given = [
            stops,
            finals,
            *numbered.values(),
            [low for low, _ in entries],
            [high for _, high in entries],
        ]
        fields.duplicate = fields.duplicate or any(_differ(prices) for prices in given)

    def _number(self, token: int) -> Number:
        number = self._message.items[token].number
        if number is None:
            raise ValueError(f"token {token} is no number")
        return number

    def _doubtful_index(self) -> bool:
        """Tell whether an index is only told from a price by a space, and the row of them is broken."""
        if not any(mention.soft_index for mention in self._fields.target_mentions):
            return False
        indices = {
            target.index
            for mention in self._fields.target_mentions
            for target in mention.targets
            if target.index is not None
        }
        return indices != set(range(1, len(indices) + 1))


def _in_order(one: Price, other: Price) -> tuple[Price, Price]:
    return (one, other) if one.value <= other.value else (other, one)


def _differ(prices: Sequence[Price]) -> bool:
    return len(prices) > 1 and len({price.value for price in prices}) > 1
