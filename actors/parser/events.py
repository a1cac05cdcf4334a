"""What a cancel, result or update says, and of which assets."""

from __future__ import annotations

from decimal import Decimal

from engine.model import Event, EventKind

from .lexicon import FINAL_WORDS, ORDINALS, words
from .message import Message
from .phrases import Phrase
from .signals import Candidate
from .tokens import Token, TokenKind

__all__ = ["describe"]

_TARGETS = words("alvo alvos tp tps target targets objetivo objetivos gain")
#: the number of a target in an event: 0 is the final one
_FINAL = 0
_MOST_TARGETS = 20


def describe(
    message: Message, kind: EventKind, phrase: Phrase | None, candidates: list[Candidate]
) -> tuple[Event, ...]:
    """Describe an event, once for each asset it speaks of.

    They are the tickers of the phrase's clause, else the assets of the message's blocks.
    """
    items = message.items
    said = items if phrase is None else items[phrase.clause.start : phrase.clause.end]
    names = _names(said) if phrase is not None else []
    if not names:
        names = [candidate.asset.name for candidate in candidates if candidate.asset is not None]
    target = next((n for i in range(len(said)) if (n := _target_at(said, i)) is not None), None)
    stop_hit = phrase is not None and phrase.stop_hit
    percent = next((_percent(message, token) for token in items if token.kind is TokenKind.PERCENT), None)
    return tuple(
        Event(kind=kind, asset=name, target=target, stop_hit=stop_hit, percent=percent)
        for name in (dict.fromkeys(names) or [None])
    )


def _names(tokens: list[Token]) -> list[str]:
    return [token.ticker.name for token in tokens if token.ticker is not None]


def _target_at(tokens: list[Token], i: int) -> int | None:
    """Return the number of the target that token i names; None if it names none or has no number."""
    if tokens[i].word not in _TARGETS:
        return None
    before = tokens[i - 1].word if i > 0 else ""
    behind = tokens[i + 1] if i + 1 < len(tokens) else None
    if before in FINAL_WORDS or (behind is not None and behind.word in FINAL_WORDS):
        return _FINAL
    if before in ORDINALS:
        return ORDINALS[before]
    number = behind.number.small if behind is not None and behind.number is not None else None
    return number if number is not None and 1 <= number <= _MOST_TARGETS else None


def _percent(message: Message, token: Token) -> Decimal | None:
    """Return a percentage with the sign that is written."""
    if token.number is None:
        return None
    text = message.prepared.text[token.start : token.end]
    return -token.number.value if text.startswith("-") else token.number.value
