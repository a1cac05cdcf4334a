"""The fields of a block: side, entry, targets, stop (catalogue, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model import Side

from .assets import Asset
from .blocks import Block
from .distances import is_entry_distance, is_level_distance
from .indices import Doubt
from .lexicon import Field
from .links import Quote
from .lists import price_behind
from .mentions import Mention
from .message import Message
from .prices import Number, Scale
from .ranges import abbreviated, is_slip, is_waved
from .sides import find_side

__all__ = ["Fields", "Price", "read_fields"]


@dataclass(slots=True)
class Price:
    """A price that was read: its value, its token, and how its digits were read.

    ``doubtful`` says that they can be read in another way as well (5.2).
    """

    value: Decimal
    token: int
    rule: str
    doubtful: bool = False


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
    #: labels lead to distances (5.4)
    relative_entry: bool = False
    relative_target: bool = False
    relative_stop: bool = False
    open_target: bool = False

    @property
    def has_stop(self) -> bool:
        """Whether a stop is given, as a price or as a distance."""
        return self.stop is not None or self.relative_stop

    @property
    def has_target(self) -> bool:
        """Whether a target is given, as a price or as a distance."""
        return self.final is not None or self.relative_target

    @property
    def relative(self) -> bool:
        return self.relative_entry or self.relative_target or self.relative_stop

    @property
    def prices(self) -> list[Price]:
        """All prices of the block: entry, targets, final target, stop."""
        prices = [*(self.entry or ()), *self.targets]
        prices += [price for price in (self.final, self.stop) if price is not None]
        return prices


def read_fields(
    message: Message, block: Block, asset: Asset, counted: Sequence[Mention], *, side: Side | None = None
) -> Fields:
    """Read the fields of a block from its mentions that count; ``side`` is known from elsewhere."""
    if len(message.tickers) < 2:  # there is no other to speak of
        mentions = list(counted)
    else:
        mentions = [mention for mention in counted if _speaks_of(message, block, mention, asset)]
    fields = Fields(mentions)
    fields.side_mention = find_side(message, mentions)
    if side is not None:
        fields.side = side
    elif fields.side_mention is not None and fields.side_mention.label.field is Field.SELL:
        fields.side = Side.SELL
    return _FieldReader(message, block, asset, fields).read()


def _speaks_of(message: Message, block: Block, mention: Mention, asset: Asset) -> bool:
    """Leave out labels that speak of other tickers (section 3)."""
    clause = message.clause_at(mention.label.head)
    if clause.names and asset.name not in clause.names:
        return False
    if not mention.label.is_entry:
        return not mention.link.tickers or _names(message, mention.link.tickers) == {asset.name}
    beside = [i for i in mention.neighbours if block.holds(i)]
    return not beside or asset.name in _names(message, beside)


def _names(message: Message, tokens: Sequence[int]) -> set[str]:
    return {ticker.name for i in tokens if (ticker := message.items[i].ticker) is not None}


class _FieldReader:
    """Puts the prices of a block's mentions into their fields."""

    def __init__(self, message: Message, block: Block, asset: Asset, fields: Fields) -> None:
        self._message = message
        self._block = block
        self._asset = asset
        self._fields = fields
        self._entries: list[Mention] = []
        self._stops: list[int] = []
        self._partials: list[int] = []
        self._loose: list[int] = []
        self._numbered: dict[int, list[int]] = {}
        self._finals: list[int] = []
        self._scale = Scale((), asset.ticker.notation)
        self._prices: dict[int, Price] = {}

    def read(self) -> Fields:
        fields = self._fields
        for mention in fields.mentions:
            if mention.label.field is Field.TARGET:
                self._take_targets(mention)
            elif mention.quote is not None and self._holds(mention.link.price):
                self._take_quote(mention, mention.quote)
        self._entries.sort(key=lambda mention: mention.label.trigger)  # gatilho, disparo come last
        if self._entries:
            fields.entry_mention = self._entries[0]
            # a second price that only joins a trigger says nothing of the entry
            fields.duplicate = fields.duplicate or any(
                m.quote is not None and m.quote.further for m in self._entries
            )
        self._drop_distances()
        self._settle()
        return fields

    def _holds(self, token: int | None) -> bool:
        return token is not None and self._block.holds(token)

    def _take_targets(self, mention: Mention) -> None:
        fields = self._fields
        fields.open_target = fields.open_target or mention.open
        targets = [target for target in mention.targets if self._holds(target.price)]
        if not targets:
            return
        fields.target_mentions.append(mention)
        fields.duplicate = fields.duplicate or self._holds(price_behind(self._message, targets[-1].price))
        for target in targets:
            if target.final:
                self._finals.append(target.price)
            elif target.index is not None:
                self._numbered.setdefault(target.index, []).append(target.price)
            else:
                (self._partials if mention.label.partial else self._loose).append(target.price)

    def _take_quote(self, mention: Mention, quote: Quote) -> None:
        fields, price = self._fields, quote.link.price
        if price is None:
            return
        against = Field.SELL if fields.side is Side.BUY else Field.BUY
        if mention.label.field is against:
            # an exit: a target without number
            self._loose.append(price)
            fields.target_mentions.append(mention)
        elif mention.label.field is Field.STOP:
            if not self._stops:
                fields.stop_mention = mention
            self._stops.append(price)
            fields.duplicate = fields.duplicate or quote.further or self._holds(quote.second)
        elif is_entry_distance(self._message.items, self._asset.ticker, price):
            fields.relative_entry = True
        else:
            self._entries.append(mention)

    def _pair(self, mention: Mention) -> tuple[Price, Price]:
        """Return the entry that a label leads to, the lower price first."""
        quote = mention.quote
        if quote is None or quote.link.price is None:
            raise ValueError("an entry without a price")
        first = self._price(quote.link.price)
        if quote.second is None or not self._holds(quote.second):
            return first, first
        second = self._price(quote.second)
        if is_slip(self._message, quote):
            self._fields.ambiguous = True
        short = abbreviated(self._message, quote)
        if short is not None:
            plain, meant = (number.read_as(self._scale.rule(number)[0]) for number in short)
            self._fields.ambiguous = True
            second = Price(plain if plain > first.value >= meant else meant, quote.second, second.rule)
        return (first, second) if first.value <= second.value else (second, first)

    def _drop_distances(self) -> None:
        """Take from the targets and stops what is only a distance from the entry (5.4)."""
        if not self._message.has_units:
            return
        tokens = [*self._levels(), *(token for mention in self._entries[:1] for token in mention.prices)]
        plain = [token for token in tokens if not self._message.items[token].unit]
        self._scale = self._scale_of(plain)
        buy_min = self._pair(self._entries[0])[0].value if self._entries else None

        def stay(prices: list[int]) -> list[int]:
            return [price for price in prices if not self._is_distance(price, buy_min)]

        fields = self._fields
        levels = set(self._levels()) - set(self._stops)
        fields.relative_stop = bool(self._stops[:1]) and not stay(self._stops[:1])
        # of a stop that leads to a distance first the field stays empty
        self._stops = [] if fields.relative_stop else stay(self._stops)
        self._partials, self._loose, self._finals = map(stay, (self._partials, self._loose, self._finals))
        kept = {index: stay(tokens[:1]) and stay(tokens) for index, tokens in self._numbered.items()}
        self._numbered = {index: tokens for index, tokens in kept.items() if tokens}
        fields.relative_target = bool(levels - set(self._levels()))

    def _levels(self) -> list[int]:
        numbered = (token for tokens in self._numbered.values() for token in tokens)
        return [*self._stops, *self._finals, *numbered, *self._partials, *self._loose]

    def _is_distance(self, token: int, buy_min: Decimal | None) -> bool:
        value = self._price(token).value
        return is_level_distance(self._message.items[token], self._asset.ticker, value, buy_min)

    def _scale_of(self, tokens: Sequence[int]) -> Scale:
        return Scale([self._number(token) for token in tokens], self._asset.ticker.notation)

    def _price(self, token: int) -> Price:
        known = self._prices.get(token)
        if known is None:
            number = self._number(token)
            rule, doubtful = self._scale.rule(number)
            known = self._prices[token] = Price(number.read_as(rule), token, rule, doubtful)
        return known

    def _settle(self) -> None:
        """Decide the ambiguous numbers, then fill the fields and compare what was given twice."""
        fields = self._fields
        set_tokens = [
            *(token for mention in self._entries[:1] for token in mention.prices if self._holds(token)),
            *self._stops[:1],
            *self._finals[:1],
            *(tokens[0] for tokens in self._numbered.values()),
            *self._partials,
            *self._loose,
        ]
        self._scale = self._scale_of(set_tokens)
        self._prices.clear()
        fields.ambiguous = (
            any(self._price(token).doubtful for token in set_tokens)
            or self._doubtful_index()
            or ("~" in self._message.tokens.words and self._has_waved_target())
        )
        entries = [self._pair(mention) for mention in self._entries]
        fields.entry = entries[0] if entries else None
        stops = [self._price(token) for token in self._stops]
        fields.stop = stops[0] if stops else None
        numbered = {index: [self._price(t) for t in tokens] for index, tokens in self._numbered.items()}
        fields.targets = [self._price(token) for token in sorted(self._partials)]
        fields.targets += [numbered[index][0] for index in sorted(numbered)]
        fields.targets += [self._price(token) for token in sorted(self._loose)]
        finals = [self._price(token) for token in self._finals]
        fields.final = finals[0] if finals else None
        if fields.final is None and fields.targets:
            fields.final, fields.final_derived = fields.targets[-1], True
        ends = zip(*entries, strict=True)
        given = (stops, finals, *numbered.values(), *ends)
        fields.duplicate = fields.duplicate or any(len(prices) > 1 and _differ(prices) for prices in given)

    def _has_waved_target(self) -> bool:
        return any(is_waved(self._message, mention.targets) for mention in self._fields.target_mentions)

    def _number(self, token: int) -> Number:
        number = self._message.items[token].number
        if number is None:
            raise ValueError(f"token {token} is no number")
        return number

    def _doubtful_index(self) -> bool:
        """Tell whether an index is hardly told from a price, and the row of them is broken (6)."""
        mentions = self._fields.target_mentions
        if not any(mention.doubt or mention.maybe_index for mention in mentions):
            return False
        doubts = {mention.doubt for mention in mentions}
        indices = {t.index for mention in mentions for t in mention.targets if t.index is not None}
        if any(mention.maybe_index == len(indices) + 1 for mention in mentions):
            return True
        return Doubt.ALWAYS in doubts or (
            Doubt.UNLESS_RUN in doubts and indices != set(range(1, len(indices) + 1))
        )


def _differ(prices: Sequence[Price]) -> bool:
    return len({price.value for price in prices}) > 1
