"""Cancel phrases and what suppresses them (catalogue, section 9.2)."""

from __future__ import annotations

from .clauses import Clause
from .lexicon import words
from .message import Message
from .phrasebook import (
    CANCEL_ALONE_WORDS,
    CANCEL_CONDITIONAL,
    CANCEL_FUTURE,
    CANCEL_FUTURE_AUXILIARIES,
    CANCEL_NEGATION_LINKS,
    CANCEL_NOUNS,
    CANCEL_PARTICIPLES,
    CANCEL_PRESENT,
    CANCEL_RULES,
    Rule,
)
from .phrases import Phrase, Setting, is_word, reach
from .tokens import TokenKind

__all__ = ["find_cancel"]

_BY_FIRST: dict[str, Rule] = {word: rule for rule in CANCEL_RULES for word in rule.first}
_NEGATIONS = frozenset(("nao", "not"))
_CONDITION_STARTS = frozenset(("se", "caso"))
_VERBS = frozenset(word for word, rule in _BY_FIRST.items() if rule.reason == "cancel.verb")
_WITHDRAWN = words("retirado retirada retirados retiradas")


def find_cancel(message: Message, setting: Setting) -> Phrase | None:
    """Return the first cancel phrase that counts."""
    said = message.tokens.words
    if said.isdisjoint(_BY_FIRST) and said.isdisjoint(CANCEL_PARTICIPLES):
        return None
    for clause in message.clauses:
        if setting.silences(clause):
            continue
        # asked once per clause, so that a clause full of these words takes linear time
        has_noun = setting.has_ticker or _has_noun(message, clause)
        alone = _is_alone(message, clause)
        for i in range(clause.start, clause.end):
            phrase = _phrase_at(message, setting, clause, i, has_noun=has_noun, alone=alone)
            if phrase is not None and not _is_suppressed(message, phrase):
                return phrase
    return None


def _phrase_at(
    message: Message, setting: Setting, clause: Clause, i: int, *, has_noun: bool, alone: bool
) -> Phrase | None:
    items = message.items
    word = items[i].word
    if word in CANCEL_PARTICIPLES:
        return Phrase("cancel.participle", i, i, clause) if has_noun else None
    rule = _BY_FIRST.get(word)
    if rule is None or (word in CANCEL_PRESENT and not _begins_clause(message, clause, i)):
        return None
    if rule.then is None:
        return Phrase(rule.reason, i, i, clause)
    for j in reach(message, setting, clause, i):
        if items[j].word in rule.then and is_word(message, j):
            return Phrase(rule.reason, i, j, clause)
        if rule.adjacent:
            return None
    if word in _VERBS and (alone or _ticker_in_reach(message, setting, clause, i)):
        return Phrase(rule.reason, i, i, clause)
    return None


def _has_noun(message: Message, clause: Clause) -> bool:
    return any(
        message.items[i].word in CANCEL_NOUNS and is_word(message, i) for i in range(clause.start, clause.end)
    )


def _is_alone(message: Message, clause: Clause) -> bool:
    """Tell whether cancelling verbs are all that a clause says, a condition aside.

    The condition is what follows `se` or `caso`; before the verb it ends at a comma.
    """
    said = aside = False
    for token in message.items[clause.start : clause.end]:
        if token.word in _CONDITION_STARTS:
            if said:
                return True
            aside = True
        elif aside:
            aside = token.word != ","
        elif token.kind is TokenKind.WORD:
            if token.word in _VERBS:
                said = True
            elif token.word not in CANCEL_ALONE_WORDS:
                return False
        elif token.kind not in _UNHEARD:
            return False
    return said


_UNHEARD = frozenset((TokenKind.TICKER, TokenKind.SIGN, TokenKind.BREAK, TokenKind.CURRENCY))


def _ticker_in_reach(message: Message, setting: Setting, clause: Clause, i: int) -> bool:
    """Tell whether a ticker stands behind a verb, at most three words between."""
    last = i
    for j in reach(message, setting, clause, i):
        if any(token.kind is TokenKind.TICKER for token in message.items[last + 1 : j]):
            return True
        last = j
    behind = message.items[last + 1] if last + 1 < clause.end else None
    return behind is not None and behind.kind is TokenKind.TICKER


def _begins_clause(message: Message, clause: Clause, i: int) -> bool:
    """Tell whether nothing but tickers and words to the reader stands before token i."""
    for j in range(i - 1, clause.start - 1, -1):
        token = message.items[j]
        if token.kind not in _UNHEARD and token.word not in CANCEL_ALONE_WORDS:
            return False
    return True


def _is_suppressed(message: Message, phrase: Phrase) -> bool:
    items = message.items
    if phrase.clause.conditional and items[phrase.start].word in CANCEL_CONDITIONAL:
        return True
    if _is_denied(message, phrase.clause, phrase.start):
        return True
    last = items[phrase.end].word
    if last not in CANCEL_PARTICIPLES and last not in _WITHDRAWN:
        return False
    before = items[phrase.end - 1].word if phrase.end > phrase.clause.start else ""
    if before in CANCEL_FUTURE:
        return True
    if before == "ser" and phrase.end - 1 > phrase.clause.start:
        return items[phrase.end - 2].word in CANCEL_FUTURE_AUXILIARIES or _is_denied(
            message, phrase.clause, phrase.end
        )
    return _is_denied(message, phrase.clause, phrase.end)


def _is_denied(message: Message, clause: Clause, i: int) -> bool:
    """Tell whether `não` or `not` stands directly before token i, auxiliaries aside."""
    items = message.items
    j = i - 1
    while j >= clause.start and items[j].word in CANCEL_NEGATION_LINKS:
        j -= 1
    return j >= clause.start and items[j].word in _NEGATIONS
