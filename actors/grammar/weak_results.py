"""Results that no phrase tells, but figures do (catalogue, section 9.5)."""

from __future__ import annotations

from .expectations import Expectations
from .lexicon import Field, words
from .links import follow
from .mentions import Mentions
from .message import Message
from .outcome_words import OUTCOMES, RESULT_NOUNS, WEAK_NOUNS
from .reaching import words_follow
from .shapes import check_mark_behind
from .signals import Candidate
from .tokens import TokenKind

__all__ = ["find_weak_result", "is_gain", "is_outcome", "names_target"]

_LEVELS = frozenset((Field.TARGET, Field.STOP))


def find_weak_result(
    message: Message, mentions: Mentions, complete: list[Candidate], expectations: Expectations
) -> str | None:
    """Return the reason if the message is a weak result."""
    if complete:
        return _beside_blocks(message, mentions, complete, expectations)
    return _without_block(message, mentions, expectations) if mentions.tickers else None


def _without_block(message: Message, mentions: Mentions, expectations: Expectations) -> str | None:
    levels = [mention for mention in mentions.all if mention.label.field in _LEVELS]
    if not levels and message.tokens.words.isdisjoint(WEAK_NOUNS):
        return None
    if any(
        token.kind is TokenKind.PERCENT
        and (token.signed or is_outcome(message, i))
        and not expectations.holds(i)
        for i, token in enumerate(message.items)
    ):
        return "result.percentage"
    if any(mention.label.field is Field.TARGET and check_mark_behind(message, mention) for mention in levels):
        return "result.check_mark"
    return None


def is_outcome(message: Message, i: int) -> bool:
    """Match `lucro de 5%` at its percentage, token i."""
    items = message.items
    return i >= 2 and items[i - 1].word == "de" and items[i - 2].word in OUTCOMES


def is_gain(message: Message, i: int) -> bool:
    """Tell the percentage of `saímos com 5% de lucro` or `com alta de 5%` from that of a part of the position."""
    items = message.items
    j = i + 1
    if j < len(items) and items[j].word == "de":
        j += 1
    before = items[i - 1].word if i else ""
    return (
        (j < len(items) and items[j].word in _GAINS)
        or before == "com"
        or words_follow(items, i + 1, ("no", "bolso")) is not None
        or (before == "de" and i > 1 and items[i - 2].word in _GAINS)
    )


_GAINS = OUTCOMES | words(
    """
    ganho ganhos perda perdas alta queda valorizacao rentabilidade retorno profit positivo positivos negativo
    negativos
    """
)


def names_target(mentions: Mentions, i: int) -> bool:
    """Tell whether token i belongs to a target's label: `Alvo de lucro: 21,70`, `Lucro 1: 7,48`."""
    return any(
        mention.label.field is Field.TARGET
        and mention.targets
        and mention.label.start <= i < mention.targets[0].price
        for mention in mentions.all
    )


def _beside_blocks(
    message: Message, mentions: Mentions, complete: list[Candidate], expectations: Expectations
) -> str | None:
    """Judge blocks without a stop: a trade told after the fact rarely names one."""
    if any(candidate.fields is not None and candidate.fields.has_stop for candidate in complete):
        return None
    items = message.items
    if not message.tokens.words.isdisjoint(RESULT_NOUNS) and any(
        token.word in RESULT_NOUNS and not expectations.promises(i) and not names_target(mentions, i)
        for i, token in enumerate(items)
    ):
        return "result.outcome_word"
    if "atual" in message.tokens.words and any(
        token.word == "atual" and follow(message, i + 1).price is not None for i, token in enumerate(items)
    ):
        return "result.current_price"
    lines = frozenset(
        items[mention.label.head].line
        for mention in mentions.all
        if mention.label.field in _LEVELS and not _is_gain_or_loss(items[mention.label.head].word)
    )
    if any(
        token.kind is TokenKind.PERCENT
        and token.signed
        and token.line not in lines
        and not expectations.holds(i)
        for i, token in enumerate(items)
    ):
        return "result.percentage"
    return None


def _is_gain_or_loss(head: str) -> bool:
    """Tell the labels `gain` and `loss`, which name outcomes as well as levels."""
    return head in {"gain", "loss"}
