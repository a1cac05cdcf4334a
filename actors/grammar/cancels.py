"""Cancel phrases and what suppresses them (catalogue, section 9.2)."""

from __future__ import annotations

from itertools import pairwise

from .cancel_words import (
    CANCEL_ALONE_WORDS,
    CANCEL_CONDITIONAL,
    CANCEL_FUTURE,
    CANCEL_FUTURE_AUXILIARIES,
    CANCEL_NEGATION_LINKS,
    CANCEL_NOT_FILLED,
    CANCEL_NOUNS,
    CANCEL_PARTICIPLES,
    CANCEL_PRESENT,
    CANCEL_RULES,
    TRADE_NOUNS,
)
from .clauses import Clause
from .lexicon import words
from .message import Message
from .phrases import match
from .reaching import begins_clause, is_word, ticker_in_reach, words_follow
from .rules import Rule
from .setting import Phrase, PhraseContext
from .tokens import Token, TokenKind

__all__ = ["find_cancels"]

_BY_FIRST: dict[str, tuple[Rule, ...]] = {}
for _rule in CANCEL_RULES:
    for _word in _rule.first:
        _BY_FIRST[_word] = (*_BY_FIRST.get(_word, ()), _rule)
#: every cancel phrase begins with one of these
_BEGINNINGS = CANCEL_PARTICIPLES.union(_BY_FIRST)
_NEGATIONS = frozenset(("nao", "not"))
_CONDITION_STARTS = frozenset(("se", "caso"))
_VERBS = frozenset(
    word for rule in CANCEL_RULES if rule.reason == "cancel.verb" and not rule.close for word in rule.first
)
_NOT_FILLED_FIRST = frozenset(words[0] for words in CANCEL_NOT_FILLED)
_WITHDRAWN = words("retirado retirada retirados retiradas")


def find_cancels(message: Message, setting: PhraseContext) -> list[Phrase]:
    """Return the cancel phrases that count, the first of each clause."""
    if message.tokens.words.isdisjoint(_BEGINNINGS):
        return []
    found: list[Phrase] = []
    for clause in message.clauses_with(_BEGINNINGS):
        if setting.silences(clause):
            continue
        # asked once per clause, so that a clause full of these words takes linear time
        has_noun = _has_noun(message, clause)
        alone = _is_alone(message, clause)
        unfilled = _not_filled(message, clause)
        for i in range(clause.start, clause.end):
            phrase = _phrase_at(
                message, setting, clause, i, has_noun=has_noun, alone=alone, unfilled=unfilled
            )
            if phrase is not None and not _is_suppressed(message, phrase):
                found.append(phrase)
                break
    return found


def _phrase_at(
    message: Message,
    setting: PhraseContext,
    clause: Clause,
    i: int,
    *,
    has_noun: bool,
    alone: bool,
    unfilled: int | None,
) -> Phrase | None:
    items = message.items
    word = items[i].word
    if word in CANCEL_PARTICIPLES:
        counts = has_noun or (setting.has_ticker and not _is_of_company(message, clause, i))
        return Phrase("cancel.participle", i, i, clause) if counts else None
    rules = _BY_FIRST.get(word)
    if rules is None or (word in CANCEL_PRESENT and not _begins_clause(message, clause, i, unfilled)):
        return None
    for rule in rules:
        end = match(message, setting, clause, i, rule)
        if end is not None:
            return Phrase(rule.reason, i, end, clause)
    if word not in _VERBS:
        return None
    if (
        alone
        or (unfilled is not None and unfilled <= i)
        or (
            ticker_in_reach(message, setting, clause, i)
            and (has_noun or not _is_of_company(message, clause, i))
        )
    ):
        return Phrase(rules[0].reason, i, i, clause)
    return None


def _not_filled(message: Message, clause: Clause) -> int | None:
    """Return the place behind the first `não deu entrada` or its like of a clause."""
    items = message.items
    for j in range(clause.start, clause.end):
        if items[j].word in _NOT_FILLED_FIRST:
            for words_ in CANCEL_NOT_FILLED:
                end = words_follow(items, j, words_)
                if end is not None and end <= clause.end:
                    return end
    return None


def _has_noun(message: Message, clause: Clause) -> bool:
    return any(
        message.items[i].word in CANCEL_NOUNS and is_word(message, i) for i in range(clause.start, clause.end)
    )


def _is_of_company(message: Message, clause: Clause, i: int) -> bool:
    """Tell whether token i cancels what is a company's, as in `Cancelada a assembleia da OIBR3`."""
    items = message.items
    end = min(i + _NEAR, clause.end)
    j = i + 1
    while j < end and items[j].word in _LEADS:
        j += 1
    first = start = max(i - _NEAR, clause.start)
    for k in range(i - 1, first - 1, -1):
        if items[k].kind not in _SAID and items[k].word not in _HASHES:
            start = k + 1
            break
    return _owns(items[j:end], named=items[j - 1].word in _LEADING) or any(
        _owns(items[k:i], named=k > start and items[k - 1].word in _ARTICLES) for k in range(start, i)
    )


def _owns(tokens: list[Token], *, named: bool) -> bool:
    """Tell whether tokens begin with a thing that is no trade, signal or order, and de and a ticker follow.

    Of a thing that an article names other words may stand between: `a oferta de ações da OIBR3`.
    """
    if not tokens or tokens[0].kind is not TokenKind.WORD or tokens[0].word in TRADE_NOUNS:
        return False
    said = [token for token in tokens[1:] if token.word not in _HASHES]
    pairs = list(pairwise(said))[: None if named else 1]
    return any(link.word in _OF and owner.kind is TokenKind.TICKER for link, owner in pairs)


_ARTICLES = words("o a os as")
_OF = words("de do da dos das em no na")
_LEADING = _ARTICLES | words("do da dos das")
_LEADS = _LEADING | {"de"}
_HASHES = frozenset("#$")
#: so far from the word its subject is looked for
_NEAR = 8
_SAID = frozenset((TokenKind.WORD, TokenKind.TICKER))


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


def _begins_clause(message: Message, clause: Clause, i: int, unfilled: int | None) -> bool:
    """Tell whether only tickers, words to the reader and `não acionou` or its like stand before token i."""
    if unfilled is None or unfilled > i:
        return begins_clause(message, clause.start, i)
    while message.items[unfilled].word in _OF_TICKER:  # `não pegou entrada em WEGE3, cancela`
        unfilled += 1
    return begins_clause(message, unfilled, i)


_OF_TICKER = words("em no na de do da")


def _is_of_level(message: Message, phrase: Phrase) -> bool:
    """Tell whether a stop or a target is cancelled, and no signal: `cancelem o stop`, `alvo 2 cancelado`."""
    items, clause = message.items, phrase.clause
    i = phrase.start
    if items[i].word in CANCEL_PARTICIPLES:
        j = i - 1
        while j > clause.start and (items[j].word in _COPULAS or items[j].number is not None):
            j -= 1
        if j >= clause.start and items[j].word in _LEVELS:
            return True
    j = i + 1
    while j < clause.end and items[j].word in _LEADING:
        j += 1
    return j < clause.end and items[j].word in _LEVELS and is_word(message, j)


_COPULAS = words("foi foram e sao esta estao")
_LEVELS = words("stop stops sl alvo alvos tp tps objetivo objetivos target targets")


def _is_suppressed(message: Message, phrase: Phrase) -> bool:
    items = message.items
    if _is_of_level(message, phrase):
        return True
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
