"""Percentages that promise and report nothing (catalogue, section 9.5: an expectation)."""

from __future__ import annotations

from .lexicon import ASIDE_UNITS
from .mentions import Mentions
from .message import Message
from .outcome_words import EXPECTING
from .tokens import TokenKind

__all__ = ["Expectations"]


class Expectations:
    """Where a message promises: the clauses of its levels, remarks behind their prices, expecting words."""

    def __init__(self, message: Message, mentions: Mentions) -> None:
        self._message = message
        self._mentions = mentions
        self._clauses: set[int] = set()
        self._priced: set[int] = set()
        self._ready = False

    def _prepare(self) -> None:
        """Look up the levels: only when the first percentage asks for them."""
        self._ready = True
        message = self._message
        for mention in self._mentions.all:
            if not mention.has_price or mention.is_asset:
                continue
            self._clauses.add(message.clause_of[mention.label.head])
            self._priced.update(mention.prices)
        self._clauses.update(message.clause_of[price] for price in self._priced)

    def holds(self, i: int) -> bool:
        """Tell whether token i, a percentage or a word of outcome, stands in an expectation."""
        if not self._ready:
            self._prepare()
        message = self._message
        number = message.clause_of[i]
        if number in self._clauses or self._in_remark(message.clauses[number].start):
            return True
        clause = message.clauses[number]
        return any(token.word in EXPECTING for token in message.items[clause.start : clause.end])

    def promises(self, i: int) -> bool:
        """Tell whether token i, a word such as lucro, stands beside a percentage in an expectation."""
        clause = self._message.clause_at(i)
        said = self._message.items[clause.start : clause.end]
        return any(token.kind is TokenKind.PERCENT for token in said) and self.holds(i)

    def _in_remark(self, start: int) -> bool:
        """Tell whether a clause, from token ``start`` on, stands in parentheses behind the price of a level."""
        items = self._message.items
        i = start - 1
        if i < 0 or items[i].word != "(":
            return False
        while i > 0 and i > start - _FARTHEST:
            i -= 1
            if i in self._priced:
                return True
            if items[i].kind not in _ASIDE and items[i].word not in ASIDE_UNITS:
                return False
        return False


_ASIDE = frozenset((TokenKind.PRICE, TokenKind.CURRENCY, TokenKind.SIGN))
_FARTHEST = 6
