"""From the blocks of a message to its signals (catalogue, sections 4, 6 and 7)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter

from engine.model import Signal, Span

from .assets import Asset, find_asset
from .blocks import Block, BlockPlaces, split_blocks
from .checks import has_odd_characters, names_several_tickers, price_warnings
from .fields import Fields, read_fields
from .lexicon import Field
from .market_orders import is_order_at_market
from .mentions import Mentions
from .message import Message
from .options import is_unnamed_option
from .validity import find_types, find_validities

__all__ = ["Candidate", "read_candidates", "to_signal"]

_DEFAULT_TYPE = "Swing Trade"
#: what may follow an entry label for its price to be enough (7)
_ENTRY_SIGNS = frozenset(":=@-")
#: what must follow each label where there is no entry price (7)
_LEVEL_SIGNS = frozenset(":=-")


@dataclass(slots=True)
class Candidate:
    """A block with an asset, read by itself. Complete ones become signals.

    ``type_place`` is the first and last token and the name of a trade type, ``validities`` the date
    tokens of the block; ``validity`` the one that holds, perhaps of a block below.
    """

    message: Message
    block: Block
    asset: Asset | None
    fields: Fields | None
    type_place: tuple[int, int, str] | None
    validity: int | None
    missing: str | None
    warnings: frozenset[str] = frozenset()
    #: complete only as an order at market (13.4)
    at_market: bool = False

    @property
    def complete(self) -> bool:
        return self.missing is None


def read_candidates(message: Message, mentions: Mentions) -> list[Candidate]:
    """Cut a message into blocks and read each by itself."""
    if not mentions.tickers:
        return [Candidate(message, Block(0, len(message.items)), None, None, None, None, "no_ticker")]
    places = BlockPlaces(message, mentions, find_validities(message))
    blocks = split_blocks(message, mentions, places)
    types = find_types(message)
    candidates = [_read_block(message, mentions, block, places, types) for block in blocks]
    # a block without a type takes that of the block before, one without a validity that of the block after
    for i in range(1, len(candidates)):
        if candidates[i].type_place is None:
            candidates[i].type_place = candidates[i - 1].type_place
    for i in reversed(range(len(candidates) - 1)):
        if candidates[i].validity is None:
            candidates[i].validity = candidates[i + 1].validity
    return candidates


def _read_block(
    message: Message,
    mentions: Mentions,
    block: Block,
    places: BlockPlaces,
    types: list[tuple[int, int, str]],
) -> Candidate:
    counted = mentions.counted_between(block.start, block.end)
    type_place = _first_type(types, block)
    own_dates = block.of(places.dates)
    validity = own_dates[0] if own_dates else None
    asset = find_asset(message, mentions, block, places)
    if asset is None:
        return Candidate(message, block, None, None, type_place, validity, "no_ticker")
    fields = read_fields(message, block, asset, counted)
    missing = _missing(message, asset, fields)
    at_market = missing is not None and not fields.prices and is_order_at_market(message, fields)
    if at_market:
        missing = None
    warnings: set[str] = set()
    if missing is None:
        warnings.update(price_warnings(fields, asset))
        if names_several_tickers(message, mentions, block, asset):
            warnings.add("several_tickers")
        line = message.items[asset.token].line
        if any(table.incomplete and table.first <= line <= table.last for table in message.tables):
            warnings.add("incomplete_table")
        if is_unnamed_option(message, block, asset, fields):
            warnings.add("option_unnamed")
        if has_odd_characters(message, block, fields):
            warnings.add("odd_characters")
        if len(own_dates) > 1 and len({message.items[date].word for date in own_dates}) > 1:
            warnings.add("duplicate_field")
    return Candidate(
        message, block, asset, fields, type_place, validity, missing, frozenset(warnings), at_market
    )


def _first_type(types: list[tuple[int, int, str]], block: Block) -> tuple[int, int, str] | None:
    place = bisect_left(types, block.start, key=itemgetter(0))
    return types[place] if place < len(types) and block.holds(types[place][0]) else None


def _missing(message: Message, asset: Asset, fields: Fields) -> str | None:
    """Say what a block lacks to be complete (7); None if it is complete."""
    if fields.entry is not None:
        if fields.has_target or fields.has_stop:
            return None
        entry = fields.entry_mention
        # "next to the entry label" is next to any of the block (15)
        beside = any(
            (ticker := message.items[i].ticker) is not None and ticker.name == asset.name
            for mention in fields.mentions
            if mention.label.is_entry
            for i in mention.neighbours
        )
        if entry is not None and (asset.labelled or beside) and _ENTRY_SIGNS & entry.link.signs:
            return None
        return "incomplete.entry_alone"
    if not fields.has_target and not fields.has_stop:
        return "no_prices"
    if not fields.has_target or not fields.has_stop:
        return "incomplete.no_entry"
    targets_marked = any(_LEVEL_SIGNS & mention.link.signs for mention in fields.target_mentions)
    stop = fields.stop_mention
    if stop is not None and targets_marked and _LEVEL_SIGNS & stop.link.signs:
        return None
    return "incomplete.no_entry"


def to_signal(candidate: Candidate, position: int, extra: frozenset[str]) -> Signal:
    """Write a complete candidate as a signal; ``extra`` are the warnings of the whole message."""
    message, asset, fields = candidate.message, candidate.asset, candidate.fields
    if asset is None or fields is None:
        raise ValueError("only a complete block is a signal")
    entry, final, stop = fields.entry, fields.final, fields.stop
    valid_until = None if candidate.validity is None else message.items[candidate.validity].word
    type_name = _DEFAULT_TYPE if candidate.type_place is None else candidate.type_place[2]
    return Signal(
        position=position,
        side=fields.side,
        asset=asset.name,
        signal_type=type_name,
        buy_min=entry[0].value if entry is not None else None,
        buy_max=entry[1].value if entry is not None else None,
        targets=tuple(price.value for price in fields.targets),
        target_final=final.value if final is not None else None,
        stop=stop.value if stop is not None else None,
        valid_until=valid_until,
        warnings=tuple(sorted(candidate.warnings | extra)),
        provenance=_provenance(candidate, asset, fields),
    )


def _provenance(candidate: Candidate, asset: Asset, fields: Fields) -> tuple[Span, ...]:
    message = candidate.message
    # field, first and last token, rule, value
    found = [("asset", asset.token, asset.token, asset.rule, asset.name)]
    if fields.side_mention is not None:
        label = fields.side_mention.label
        rule = "side.buying_label" if label.field is Field.BUY else "side.selling_label"
        found.append(("side", label.head, label.end - 1, rule, fields.side.value))
    if candidate.type_place is not None:
        first, last, name = candidate.type_place
        found.append(("signal_type", first, last, "type.words", name))
    prices = [] if fields.entry is None else [*zip(("buy_min", "buy_max"), fields.entry, strict=True)]
    prices += [(f"targets.{i}", price) for i, price in enumerate(fields.targets)]
    if fields.final is not None:
        prices.append(("target_final", fields.final))
    if fields.stop is not None:
        prices.append(("stop", fields.stop))
    found += [
        (field, price.token, price.token, price.rule, format(price.value, "f")) for field, price in prices
    ]
    if candidate.validity is not None:
        date = candidate.validity
        found.append(("valid_until", date, date, "validity.date", message.items[date].word))
    items, raw_span = message.items, message.prepared.raw_span
    spans: list[Span] = []
    for field, first, last, rule, value in found:
        start, end = raw_span(items[first].start, items[last].end)
        spans.append(Span(field=field, start=start, end=end, rule=rule, value=value))
    return tuple(spans)
