"""Results that no phrase tells, but figures do (catalogue, section 9.5)."""

from __future__ import annotations

from .event_words import check_mark_behind
from .lexicon import Field
from .links import follow
from .mentions import Mentions
from .message import Message
from .phrasebook import OUTCOMES, RESULT_NOUNS, WEAK_NOUNS
from .signals import Candidate
from .tokens import TokenKind

__all__ = ["find_weak_result"]

_LEVELS = frozenset((Field.TARGET, Field.STOP))


def find_weak_result(message: Message, mentions: Mentions, complete: list[Candidate]) -> str | None:
    """Return the reason if the message is a weak result."""
    if complete:
        return _beside_blocks(message, mentions, complete)
    return _without_block(message, mentions) if mentions.tickers else None


def _without_block(message: Message, mentions: Mentions) -> str | None:
    levels = [mention for mention in mentions.all if mention.label.field in _LEVELS]
    if not levels and message.tokens.words.isdisjoint(WEAK_NOUNS):
        return None
    if any(
        token.kind is TokenKind.PERCENT and (token.signed or _is_outcome(message, i))
        for i, token in enumerate(message.items)
    ):
        return "result.percentage"
    if any(mention.label.field is Field.TARGET and check_mark_behind(message, mention) for mention in levels):
        return "result.check_mark"
    return None


def _is_outcome(message: Message, i: int) -> bool:
    """Match `lucro de 5%` at its percentage, token i."""
    items = message.items
    return i >= 2 and items[i - 1].word == "de" and items[i - 2].word in OUTCOMES


def _beside_blocks(message: Message, mentions: Mentions, complete: list[Candidate]) -> str | None:
    """Judge blocks without a stop: a trade told after the fact rarely names one."""
    if any(candidate.fields is not None and candidate.fields.stop is not None for candidate in complete):
        return None
    if not message.tokens.words.isdisjoint(RESULT_NOUNS):
        return "result.outcome_word"
    items = message.items
    if "atual" in message.tokens.words and any(
        token.word == "atual" and follow(message, i + 1).price is not None for i, token in enumerate(items)
    ):
        return "result.current_price"
    lines = frozenset(
        items[mention.label.head].line
        for mention in mentions.all
        if mention.label.field in _LEVELS and not _is_gain_or_loss(items[mention.label.head].word)
    )
    if any(token.kind is TokenKind.PERCENT and token.signed and token.line not in lines for token in items):
        return "result.percentage"
    return None


def _is_gain_or_loss(head: str) -> bool:
    """Tell the labels `gain` and `loss`, which name outcomes as well as levels."""
    return head in {"gain", "loss"}
