"""Where in a clause of an event its prices stand (catalogue, section 14.1)."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from .lexicon import Field, words
from .links import Link, follow, price_after, read_quote
from .lists import read_on_line
from .mentions import Mention, Mentions
from .message import Message
from .prices import Notation, Scale
from .target_numbers import TARGET_WORDS
from .tokens import TokenKind

__all__ = ["ExitPlaces"]

_LEVELS = (Field.STOP, Field.TARGET)
#: behind an exit these begin another trade: `stop acionado e reentrada em 16,90`
_FURTHER_TRADES = words("reentrada reentradas recompra recomprar nova novas novo novos proximo proxima")
_EXIT_WORDS = words("a em en at @ nos no aos")
_NEW_WORDS = (words("para pra pro p to for"), words("em at"))


class ExitPlaces:
    """Finds the prices of an event, as those of one asset."""

    def __init__(self, message: Message, mentions: Mentions, name: str | None) -> None:
        self._message = message
        self._mentions = mentions
        tickers = (message.items[i].ticker for i in mentions.tickers)
        ticker = next((t for t in tickers if t is not None and t.name == name), None)
        self._notation = Notation.SHARE if ticker is None else ticker.notation

    def exit_price(self, start: int, end: int, *, said: int, beside_ticker: bool = False) -> Decimal | None:
        """Return the price behind `a`, `em`, `at` or `@`, or right behind the ticker, among tokens.

        What a stop or target named behind token ``said`` leads to is that level's: `zerar metade e manter o resto
        com stop em 37,80`.
        """
        items = self._message.items
        others = {
            price
            for mention in self._mentions.all
            if said < mention.label.head < end and mention.label.field in _LEVELS
            for price in mention.prices
        }
        for i in range(start, end):
            if items[i].word in _EXIT_WORDS:
                link = follow(self._message, i + 1)
            elif beside_ticker and items[i].kind is TokenKind.TICKER:
                link = Link(price=price_after(items, i + 1))
            else:
                if items[i].word in _FURTHER_TRADES and i > said:
                    return None
                continue
            if link.price in others:
                continue
            if link.price is not None and link.price < end and not link.fresh_line:
                return self._single(link)
        return None

    def price_at(self, at: int, end: int) -> Decimal | None:
        """Return the price that token ``at`` leads to: `stop ajustado: 17,60`."""
        link = follow(self._message, at)
        if link.price is None or link.price >= end or self._is_old(link.price):
            return None
        return self._single(link)

    def _is_old(self, price: int) -> bool:
        return self._message.items[price - 1].word == "de"

    def new_price(self, start: int, end: int, field: str, *, new: bool = True) -> Decimal | None:
        """Return the new price of a level: behind `para`, `to`, `em`, `at`, else where its label leads.

        What stands behind `de` is the old one, unless the level is called ``new``.
        """
        link = self._behind_word(start, end)
        if link is not None:
            return self._single(link)
        mention = self._label(start, end, field)
        if mention is None or (not new and self._is_old(mention.prices[0])):
            return None
        return self.level(mention)

    def new_targets(self, start: int, end: int) -> tuple[Decimal, ...]:
        """Return the new targets: behind each target's `para`, else those of the labels among the tokens."""
        heads = [i for i in range(start, end) if self._message.items[i].word in TARGET_WORDS]
        if len(heads) > 1:
            each = [self.new_targets(head, after) for head, after in pairwise((*heads, end))]
            return tuple(value for values in each for value in values)
        link = self._behind_word(start, end, only_first=True)
        if link is not None:
            prices = [target.price for target in read_on_line(self._message, link) if target.price < end]
            values = [self._value(price) for price in prices]
            return tuple(value for value in values if value is not None)
        found: tuple[Decimal, ...] = ()
        for mention in self._mentions.all:
            if start <= mention.label.head < end and mention.label.field is Field.TARGET:
                found += self.targets(mention)
        if found:
            return found
        price = self.new_price(start, end, Field.TARGET)
        return () if price is None else (price,)

    def new_entry(self, start: int, end: int) -> tuple[Decimal, Decimal] | None:
        """Return the new entry, its lower price first."""
        link = self._behind_word(start, end)
        if link is not None:
            return self._pair(link)
        for mention in self._mentions.all:
            if start <= mention.label.head < end and mention.label.is_entry and mention.has_price:
                return self.entry(mention)
        return None

    def level(self, mention: Mention) -> Decimal | None:
        """Return the one price that a stop's or target's label leads to."""
        if mention.label.field is Field.TARGET:
            found = self.targets(mention)
            return found[0] if len(found) == 1 else None
        return self._single(mention.link)

    def entry(self, mention: Mention) -> tuple[Decimal, Decimal] | None:
        """Return the price or range of an entry label."""
        return self._pair(mention.link)

    def targets(self, mention: Mention) -> tuple[Decimal, ...]:
        """Return the prices of a target label, in the order of section 6."""
        ranked = sorted(mention.targets, key=lambda target: (target.final, target.index or 0))
        values = [self._value(target.price) for target in ranked]
        return tuple(value for value in values if value is not None)

    def _label(self, start: int, end: int, field: str) -> Mention | None:
        for mention in self._mentions.all:
            if start <= mention.label.head < end and mention.label.field == field and mention.has_price:
                return mention
        return None

    def _behind_word(self, start: int, end: int, *, only_first: bool = False) -> Link | None:
        items = self._message.items
        for group in _NEW_WORDS[:1] if only_first else _NEW_WORDS:
            for i in range(start, end):
                if items[i].word in group:
                    link = follow(self._message, i + 1)
                    if link.price is not None and link.price < end and not link.fresh_line:
                        return link
        return None

    def _single(self, link: Link) -> Decimal | None:
        """Return the price of a link, None if a second one makes it doubtful."""
        if link.price is None:
            return None
        quote = read_quote(self._message, link)
        if quote.second is not None or quote.further:
            return None
        return self._value(link.price)

    def _pair(self, link: Link) -> tuple[Decimal, Decimal] | None:
        if link.price is None:
            return None
        quote = read_quote(self._message, link)
        low = self._value(link.price)
        high = low if quote.second is None else self._value(quote.second)
        if low is None or high is None or quote.further:
            return None
        return (low, high) if low <= high else (high, low)

    def _value(self, price: int) -> Decimal | None:
        """Return the value of a price; None if it can be read in two ways (5.2)."""
        number = self._message.items[price].number
        if number is None:
            return None
        others = [
            other
            for mention in self._mentions.all
            for token in mention.prices
            if token != price and (other := self._message.items[token].number) is not None
        ]
        rule, doubtful = Scale(others, self._notation).rule(number)
        return None if doubtful else number.read_as(rule)
