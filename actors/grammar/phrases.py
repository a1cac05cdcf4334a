"""Finding phrases inside clauses: `a + b` and `a ++ b` of the catalogue's section 9.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .clauses import Clause
from .lexicon import words
from .message import Message
from .phrasebook import (
    BEFORE_CLOSED_OTHERWISE,
    CLOSE_BETWEEN,
    CLOSED_OTHERWISE,
    LEVEL_NOUNS,
    NOT_QUITE,
    NOT_YET,
    ORDERS,
    PHRASE_TRIGGERS,
    PRESENT_FORMS,
    RESULT_RULES,
    STOP_NOUNS,
    UPDATE_RULES,
)
from .reaching import HASHES, begins_clause, is_word, reach, ticker_in_reach, words_follow
from .rules import Rule, nouns
from .setting import Phrase, PhraseContext
from .tokens import Token, TokenKind

__all__ = ["find_phrases", "is_plan", "match"]


def is_plan(message: Message, setting: PhraseContext, clause: Clause) -> bool:
    """Tell whether a clause is a condition or a future: it plans, and reports nothing."""
    if clause.conditional:
        return True
    items = message.items
    return items[clause.start].line in setting.target_lines and any(
        token.word in ORDERS for token in items[clause.start : clause.end]
    )


def find_phrases(message: Message, setting: PhraseContext) -> list[Phrase]:
    """Return the phrases of 9.3 and 9.4 that count, in text order, those of special shape left out."""
    found: list[Phrase] = []
    if message.tokens.words.isdisjoint(PHRASE_TRIGGERS):
        return found
    # a phrase and its trigger stand in one clause
    for clause in message.clauses_with(PHRASE_TRIGGERS):
        if setting.silences(clause) or is_plan(message, setting, clause):
            continue
        for i in range(clause.start, clause.end):
            rules = _BY_FIRST.get(message.items[i].word)
            if rules is None or i in setting.values or not is_word(message, i):
                continue
            found += _phrases_at(message, setting, clause, i, rules)
    return found


def _by_first_word(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        for word in rule.first:
            found[word] = (*found.get(word, ()), rule)
    return found


_BY_FIRST = _by_first_word((*RESULT_RULES, *UPDATE_RULES))


def _phrases_at(
    message: Message, setting: PhraseContext, clause: Clause, i: int, rules: tuple[Rule, ...]
) -> Iterator[Phrase]:
    """Yield what begins at token i, of each reason once."""
    seen: set[str] = set()
    word = message.items[i].word
    if (word == "take" and i in setting.own) or (
        word in PRESENT_FORMS and not begins_clause(message, clause.start, i)
    ):
        return
    for rule in rules:
        if rule.reason in seen or (rule.ticker and not setting.has_ticker):
            continue
        end = match(message, setting, clause, i, rule)
        if (
            end is not None
            and end < clause.denied
            and _happened(message, clause, rule, i, end)
            and not (word in _PLACING and setting.assets and end in setting.own)
        ):
            seen.add(rule.reason)
            yield Phrase(rule.reason, i, end, clause)


def _happened(message: Message, clause: Clause, rule: Rule, i: int, end: int) -> bool:
    """Tell what happened from what is to happen, was missed, or happened to no trade."""
    items = message.items
    if rule.reason == "result.we_closed":
        k = i + 1
        while k < clause.end and items[k].word in BEFORE_CLOSED_OTHERWISE:
            k += 1
        return k == clause.end or items[k].word not in CLOSED_OTHERWISE
    if rule.reason == "result.level_reached" and not _is_reached(items, i, end):
        return False
    if rule.reason not in _REPORTS:
        return True
    deed = i if rule.verb else end
    before = [items[k].word for k in range(max(deed - 3, clause.start), deed)]
    if before[-1:] == ["be"]:
        return before[-2:-1] == [] or before[-2] == "to" or before[-2] not in NOT_YET
    return before[-1:] == [] or before[-1] not in NOT_YET or before[0].startswith(_JUST)


def _is_reached(items: list[Token], i: int, end: int) -> bool:
    """Tell `bateu o alvo 2` from `chegou perto do alvo 2` and from `alvo 1 bateu, alvo 2 a caminho`."""
    subject = i > 0 and (items[i - 1].kind is TokenKind.INDEX or items[i - 1].word in LEVEL_NOUNS)
    if subject or any(token.word in NOT_QUITE or token.word == "," for token in items[i + 1 : end]):
        return False
    return all(
        not items[k].word.startswith("proxim") or items[k + 1].word not in _OF_LEVEL
        for k in range(i + 1, end)
    )


_OF_LEVEL = words("a ao aos de do dos")
#: `acaba de ser atingido` has happened
_JUST = "acab"
#: phrases that tell what happened
_REPORTS = frozenset(
    (
        *("result.target_hit", "result.level_reached", "result.stop_hit", "result.stopped", "result.closed"),
        *("result.partial_taken", "result.gain_taken", "update.changed", "update.filled"),
    )
)


#: `set SL 1.0828` in a complete signal gives it its stop, it moves none
_PLACING = words("set put bring")


def match(message: Message, setting: PhraseContext, clause: Clause, i: int, rule: Rule) -> int | None:
    """Return the last token of a rule's phrase that begins at token i."""
    if rule.then is None:
        return i
    if rule.close:
        return _match_close(message, clause, i, rule)
    others = _OTHER_LEVELS.get(rule.reason, _NONE)
    for j in reach(message, setting, clause, i, verb=rule.verb):
        word = message.items[j].word
        if rule.adjacent and j != i + 1:
            return None
        if word in rule.then and is_word(message, j):
            end = words_follow(message.items, j + 1, rule.following)
            if end is not None and (word not in STOP_NOUNS or _reaches_stop(message, rule, i, j)):
                return end - 1
        if rule.adjacent or (word in others and not _is_attribute(message, j)):
            return None
    if rule.then_ticker and ticker_in_reach(message, setting, clause, i):
        return i
    return None


def _is_attribute(message: Message, j: int) -> bool:
    """Tell the operação of `stop da operação acionado`, which is said of the stop."""
    return message.items[j].word in _OTHER_DEEDS and message.items[j - 1].word in _OF


_OF = words("de da do das dos na no")
_NONE: frozenset[str] = frozenset()
#: what is executed, closed or done besides levels: `novo stop 9,80 | ordem executada` hits no stop
_OTHER_DEEDS = nouns("ordem operacao posicao trade compra venda parcial sinal")
#: what is said behind another level is said of that one: `stop na entrada, alvo 1 batido` hits no stop
_OTHER_LEVELS = {
    "result.target_hit": LEVEL_NOUNS | _OTHER_DEEDS,
    "result.stop_hit": LEVEL_NOUNS | _OTHER_DEEDS,
    "update.changed": STOP_NOUNS | LEVEL_NOUNS - words("entrada entradas"),
}


def _reaches_stop(message: Message, rule: Rule, i: int, j: int) -> bool:
    """Tell `atingiu o stop` from `pegou, subam o stop`: only the first stops a signal."""
    if rule.reason != "result.level_reached":
        return True
    between = message.items[i + 1 : j]
    return all(
        token.word in CLOSE_BETWEEN or token.word in _TO_STOP or token.kind is TokenKind.TICKER
        for token in between
    )


_TO_STOP = words("no na nos nas ao aos ja meu minha my # $")


def _match_close(message: Message, clause: Clause, i: int, rule: Rule) -> int | None:
    """Match `a ++ b`: nothing but articles and tickers between."""
    items = message.items
    for j in range(i + 1, clause.end):
        token = items[j]
        if token.kind is TokenKind.TICKER:
            if rule.then_ticker:
                return j
        elif token.kind is TokenKind.PERCENT:
            return j if rule.then_percent and not token.signed else None
        elif token.kind is TokenKind.WORD:
            if rule.then is not None and token.word in rule.then and is_word(message, j):
                return j
            if token.word not in CLOSE_BETWEEN:
                return None
        elif token.word not in HASHES:
            return None
    return None
