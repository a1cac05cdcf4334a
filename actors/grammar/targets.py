"""What a target label leads to: one price with its index, or a list (catalogue, section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model import Market

from .indices import Doubt, continues_list, find_index
from .labels import Label
from .lexicon import LIST_SIGNS, OPEN_WORDS, Field
from .links import Link, follow
from .lists import Target, behind_item, read_lines, read_on_line, rest_of_line
from .message import Message

__all__ = ["Target", "TargetReading", "read_target_label"]


@dataclass(slots=True)
class TargetReading:
    """What stands behind a target label.

    ``link`` leads to the first price. ``index_token`` is an index behind the label, ``index_end`` the place
    behind it, ``doubt`` how sure it is. ``colon`` says that `:` or `=` follows the label or its index.
    ``maybe_index`` is the first of two prices parted by `/` or `|` that may be an index after all.
    """

    link: Link
    index_end: int
    colon: bool
    targets: list[Target] = field(default_factory=list)
    index_token: int | None = None
    doubt: str = Doubt.NONE
    maybe_index: int | None = None
    #: a target is left open (13.5)
    open: bool = False


def read_target_label(message: Message, label: Label) -> TargetReading:
    """Read the targets behind a label."""
    link = follow(message, label.end, Field.TARGET)
    number, final = label.index, label.final
    reading = TargetReading(link, label.end, link.colon)
    index = None if number is not None else find_index(message, label, link)
    if index is not None:
        number, final = index.number, final or index.final
        colon = link.colon or index.link.colon
        reading = TargetReading(index.link, index.end, colon, index_token=index.place, doubt=index.doubt)
    if number is None and not label.plural:
        number = label.lead
    if number is not None or final:
        price = reading.link.price
        if price is not None:
            first = Target(price, number, final)
            behind, _ = behind_item(message, price)
            reading.targets = [first, *rest_of_line(message, behind, marked=True)]
    elif link.fresh_line:
        reading.targets = read_lines(message, message.next_line(label.end))
    else:
        reading.targets = read_on_line(message, link)
        reading.maybe_index = _slashed(message, label, link)
    reading.open = message.market is not Market.B3 and _is_left_open(message, reading)
    return reading


def _is_left_open(message: Message, reading: TargetReading) -> bool:
    """Tell whether `open`, `runner` ... stands in the place of a price (13.5)."""
    items = message.items
    if not reading.targets:
        end = reading.link.end
        return end < len(items) and items[end].word in OPEN_WORDS
    behind, _ = behind_item(message, reading.targets[-1].price)
    return (
        behind + 1 < len(items) and items[behind].word in LIST_SIGNS and items[behind + 1].word in OPEN_WORDS
    )


def _slashed(message: Message, label: Label, link: Link) -> int | None:
    """Return the 1 of `alvo 1 / 1,40`, which may be an index (rule 2 of section 6)."""
    price = link.price
    if price is None or label.plural or link.colon:
        return None
    number = message.items[price].number
    behind = message.items[price + 1].word if price + 1 < len(message.items) else ""
    if number is None or number.small is None or behind not in {"/", "|"}:
        return None
    return number.small if continues_list(message, price + 1) else None
