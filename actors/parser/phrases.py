"""Finding phrases inside clauses: `a + b` of the catalogue's section 9.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .clauses import Clause
from .lexicon import LABELS, words
from .message import Message
from .phrasebook import (
    ORDERS,
    PHRASE_TRIGGERS,
    RESULT_RULES,
    STOP_PLACES,
    STOP_PREPOSITIONS,
    UPDATE_RULES,
    Rule,
)
from .tokens import Token, TokenKind

__all__ = ["Phrase", "Setting", "find_phrase", "is_plan", "reach", "words_follow"]

#: so many words may stand between the two of a phrase
_MOST_BETWEEN = 3
_PLURAL_COUNTABLE = words("alvos objetivos targets tps")
_MOST_COUNT = 20


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that was found: the rule's name, and its first and last token.

    ``stop_hit`` says that it tells of a stop that was hit.
    """

    reason: str
    start: int
    end: int
    clause: Clause
    stop_hit: bool = False


@dataclass(slots=True)
class Setting:
    """What must be known of a message before its phrases are judged (9.1).

    ``assets`` are those of its complete blocks; ``target_lines`` the lines that begin with a target
    label and hold its price, if there is a complete block; ``indices`` the numbers that are the index
    of a target.
    """

    assets: frozenset[str]
    target_lines: frozenset[int]
    indices: frozenset[int]
    has_ticker: bool

    def silences(self, clause: Clause) -> bool:
        """Tell whether no phrase at all counts in a clause."""
        return clause.question or (bool(self.assets) and clause.names_only_others(self.assets))


def is_plan(message: Message, setting: Setting, clause: Clause) -> bool:
    """Tell whether a clause is a condition or a future: it plans, and reports nothing."""
    if clause.conditional:
        return True
    items = message.items
    return items[clause.start].line in setting.target_lines and any(
        token.word in ORDERS for token in items[clause.start : clause.end]
    )


def find_phrase(message: Message, setting: Setting) -> tuple[Phrase | None, Phrase | None]:
    """Return the first result phrase (9.3) and the first update phrase (9.4) that count."""
    result = update = None
    if message.tokens.words.isdisjoint(PHRASE_TRIGGERS):
        return None, None
    for clause in message.clauses:
        if setting.silences(clause) or is_plan(message, setting, clause):
            continue
        if result is None:
            result = _first(_RESULTS, message, setting, clause)
        if update is None:
            update = _first(_UPDATES, message, setting, clause)
            if update is None:
                update = _stop_placed(message, setting, clause)
    return result, update


def _by_first_word(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        for word in rule.first:
            found[word] = (*found.get(word, ()), rule)
    return found


_RESULTS = _by_first_word(RESULT_RULES)
_UPDATES = _by_first_word(UPDATE_RULES)


def _first(
    rules: dict[str, tuple[Rule, ...]], message: Message, setting: Setting, clause: Clause
) -> Phrase | None:
    items = message.items
    for i in range(clause.start, clause.end):
        for rule in rules.get(items[i].word, ()):
            if not is_word(message, i) or (rule.ticker and not setting.has_ticker):
                continue
            end = _match(message, setting, clause, i, rule)
            if end is not None and end < clause.denied:
                hit = rule.reason in _STOP_HITS or (rule.reason == _REACHED and items[end].word in _STOP)
                return Phrase(rule.reason, i, end, clause, stop_hit=hit)
    return None


_STOP_HITS = frozenset(("result.stop_hit", "result.stopped"))
_REACHED = "result.level_reached"


def _match(message: Message, setting: Setting, clause: Clause, i: int, rule: Rule) -> int | None:
    """Return the last token of a rule's phrase that begins at token i."""
    if rule.then is None:
        return i
    for j in reach(message, setting, clause, i, verb=rule.verb):
        if message.items[j].word in rule.then and is_word(message, j):
            end = words_follow(message.items, j + 1, rule.following)
            if end is not None:
                return end - 1
        if rule.adjacent:
            break
    return None


def _stop_placed(message: Message, setting: Setting, clause: Clause) -> Phrase | None:
    """Find `stop no zero a zero`, `stop para o preço de entrada` and the like."""
    items = message.items
    for i in range(clause.start, clause.end):
        if items[i].word not in _STOP or not is_word(message, i):
            continue
        for j in reach(message, setting, clause, i):
            if items[j].word not in STOP_PREPOSITIONS:
                continue
            k = j + 1
            while k < clause.end and items[k].word in {"o", "a"}:
                k += 1
            k = words_follow(items, k, ("preco", "de")) or k
            for place in STOP_PLACES:
                end = words_follow(items, k, place)
                if end is not None and end <= clause.end and end - 1 < clause.denied:
                    return Phrase("update.stop_placed", i, end - 1, clause)
    return None


_STOP = frozenset(("stop", "stops"))


def reach(message: Message, setting: Setting, clause: Clause, i: int, *, verb: bool = False) -> Iterator[int]:
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


def words_follow(items: list[Token], i: int, words: tuple[str, ...]) -> int | None:
    """Match words in a row from token i; return the place behind them."""
    for word in words:
        if i >= len(items) or items[i].word != word:
            return None
        i += 1
    return i


def is_word(message: Message, i: int) -> bool:
    """Tell whether token i is the word it looks like to a phrase.

    The stop of `buy stop` is an entry, the compra of `opção de compra` a kind of option.
    """
    items = message.items
    word = items[i].word
    if word == "stop":
        return i == 0 or items[i - 1].word not in {"buy", "sell"}
    if word in {"compra", "venda"}:
        return i < 2 or items[i - 1].word != "de" or items[i - 2].word not in {"opcao", "opcoes"}
    return True


def _ticker_at(items: list[Token], i: int) -> bool:
    return i < len(items) and items[i].kind is TokenKind.TICKER


def _is_label(items: list[Token], setting: Setting, i: int) -> bool:
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
