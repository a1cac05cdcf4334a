"""What a phrase of section 9 is made of, and how its words are written down."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PRICE", "TICKER", "Rule", "nouns", "participles"]

#: in ``following``: any price, any ticker
PRICE, TICKER = "<price>", "<ticker>"


@dataclass(frozen=True, slots=True)
class Rule:
    """One phrase: a word of ``first``, and one of ``then`` after it within reach (9.1).

    Without ``then`` the first word is the phrase. ``verb`` tells a verb with its noun, which no
    price may part. ``close`` is the catalogue's `++`: only articles and tickers may stand between;
    ``adjacent`` allows nothing. ``then_ticker`` and ``then_percent`` take a ticker and an unsigned
    percentage for a word of ``then``. ``ticker`` asks for a ticker in the message. ``following`` are words
    that must stand right behind the last one.
    """

    reason: str
    first: frozenset[str]
    then: frozenset[str] | None = None
    verb: bool = False
    ticker: bool = False
    adjacent: bool = False
    close: bool = False
    then_ticker: bool = False
    then_percent: bool = False
    following: tuple[str, ...] = ()


def participles(text: str) -> frozenset[str]:
    """Add the feminine and the plurals to participles in -o."""
    return frozenset(word[:-1] + end for word in text.split() for end in ("o", "a", "os", "as"))


def nouns(text: str) -> frozenset[str]:
    """Add the plurals to nouns."""
    return frozenset(form for word in text.split() for form in (word, _plural(word)))


def _plural(noun: str) -> str:
    for singular, plural in (("ao", "oes"), ("al", "ais"), ("em", "ens")):
        if noun.endswith(singular):
            return noun.removesuffix(singular) + plural
    return noun + "s"
