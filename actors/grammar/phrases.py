"""Finding phrases inside clauses: `a + b` and `a ++ b` of the catalogue's section 9.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .cancel_words import CANCEL_ALONE_WORDS
from .clauses import Clause
from .lexicon import LABELS, words
from .links import price_after
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
from .rules import PRICE, TICKER, Rule, nouns
from .setting import Phrase, PhraseContext
from .tokens import Token, TokenKind

__all__ = [
    "begins_clause",
    "find_phrases",
    "is_plan",
    "is_word",
    "match",
    "reach",
    "ticker_in_reach",
    "words_follow",
]

#: so many words may stand between the two of a phrase
_MOST_BETWEEN = 3
_PLURAL_COUNTABLE = words("alvos objetivos targets tps")
_MOST_COUNT = 20


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
    for clause in message.clauses:
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
        elif token.word not in _HASHES:
            return None
    return None


_HASHES = frozenset("#$")


def reach(
    message: Message, setting: PhraseContext, clause: Clause, i: int, *, verb: bool = False
) -> Iterator[int]:
    """Yield the words behind token i that a phrase may reach: at most three others between.

    Tickers do not count, nor do `final`, `loss` or an index right after a label. `com` and `sem` end
    the reach unless a ticker follows; a price ends that of a verb to its noun.
    """
    items = message.items
    between = 0
    for j in range(i + 1, clause.end):
        token = items[j]
        if token.kind is TokenKind.WORD:
            yield j
            if token.word in _ENDING and not _ticker_at(items, j + 1):
                return
            if not (token.word in _TAKEN_IN and _is_label(items, setting, j - 1)):
                between += 1
        elif token.number is not None and token.kind is not TokenKind.INDEX:
            is_index = j in setting.indices
            if verb and token.kind is TokenKind.PRICE and not is_index and not _counts_targets(items, j):
                return
            between += not is_index
        elif token.kind in _COUNTED:
            between += 1
        if between > _MOST_BETWEEN:
            return


_ENDING = frozenset(("com", "sem"))
_TAKEN_IN = frozenset(("final", "loss"))
_COUNTED = frozenset((TokenKind.FIGURE, TokenKind.DATE, TokenKind.LINK))


def ticker_in_reach(message: Message, setting: PhraseContext, clause: Clause, i: int) -> bool:
    """Tell whether a ticker stands behind a verb, at most three words between."""
    last = i
    for j in reach(message, setting, clause, i):
        if any(token.kind is TokenKind.TICKER for token in message.items[last + 1 : j]):
            return True
        last = j
    behind = message.items[last + 1] if last + 1 < clause.end else None
    return behind is not None and behind.kind is TokenKind.TICKER


def begins_clause(message: Message, start: int, i: int) -> bool:
    """Tell whether nothing but tickers and words to the reader stands before token i, from token start on."""
    for j in range(i - 1, start - 1, -1):
        token = message.items[j]
        if token.kind not in _UNHEARD and token.word not in CANCEL_ALONE_WORDS:
            return False
    return True


_UNHEARD = frozenset((TokenKind.TICKER, TokenKind.SIGN, TokenKind.BREAK, TokenKind.CURRENCY))


def words_follow(items: list[Token], i: int, words: tuple[str, ...]) -> int | None:
    """Match words in a row from token i; return the place behind them."""
    for word in words:
        if word is PRICE:
            price = price_after(items, i)
            if price is None:
                return None
            i = price + 1
            continue
        if word is TICKER:
            while i < len(items) and items[i].word in _HASHES:
                i += 1
            if not _ticker_at(items, i):
                return None
        elif i >= len(items) or items[i].word != word:
            return None
        i += 1
    return i


def is_word(message: Message, i: int) -> bool:
    """Tell whether token i is the word it looks like to a phrase.

    The stop of `buy stop` is an entry, the compra of `opção de compra` a kind of option, the profit of
    `take profit` a target.
    """
    items = message.items
    word = items[i].word
    before = items[i - 1].word if i > 0 else ""
    if word == "stop":
        behind = items[i + 1].word if i + 1 < len(items) else ""
        return before not in {"buy", "sell"} and behind != "gain"
    if word in {"compra", "venda"}:
        return i < 2 or before != "de" or items[i - 2].word not in {"opcao", "opcoes"}
    return True


def _ticker_at(items: list[Token], i: int) -> bool:
    return i < len(items) and items[i].kind is TokenKind.TICKER


def _is_label(items: list[Token], setting: PhraseContext, i: int) -> bool:
    """Tell whether a label, or a label with its index, ends at token i."""
    token = items[i]
    if token.kind is TokenKind.INDEX or i in setting.indices:
        return True
    return token.kind is TokenKind.WORD and token.word in LABELS


def _counts_targets(items: list[Token], i: int) -> bool:
    """Tell the 2 of `bateu 2 alvos` from a price."""
    number = items[i].number
    return (
        number is not None
        and number.small is not None
        and number.small <= _MOST_COUNT
        and i + 1 < len(items)
        and items[i + 1].word in _PLURAL_COUNTABLE
    )
