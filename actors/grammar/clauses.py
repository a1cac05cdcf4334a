"""Clauses (catalogue, section 9.1): the pieces of a message that negate, ask, or make conditions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise

from .lexicon import CONDITION_WORDS, DENIALS, NEGATIONS, ORDINALS, PLACED_WORDS, Vocabulary, words
from .phrasebook import PAST_RESULTS
from .tokens import Token, TokenKind, Tokens

__all__ = ["Clause", "split_clauses"]

#: behind the last token: nothing is negated
_NOWHERE = 1 << 60

_NO_NAMES: frozenset[str] = frozenset()

_ENDS = frozenset(".!?;")
#: may stand between the end of a sentence and the space behind it: `?!`, `?"`
_CLOSERS = _ENDS | frozenset("\"'”’»]")
_PARENTHESES = frozenset("()")
_MAY_END = _CLOSERS | _PARENTHESES
_TRIGGERS = CONDITION_WORDS | {"assim", "ao", "no", "nos"}
_NEARLY = words("quase almost nearly")
_DENYING = NEGATIONS | DENIALS | _NEARLY
_CONDITIONAL_TARGETS = words("alvo alvos objetivo objetivos tp tps")
_BEFORE_TARGET = frozenset(ORDINALS) | {"ultimo"}


@dataclass(slots=True)
class Clause:
    """Tokens ``start``..``end`` of a message.

    ``negated`` is the place of the first word that negates a label behind it (section 3),
    ``denied`` of the first that denies a phrase around or behind it (9.1). ``names`` are the
    tickers the clause names.
    """

    start: int
    end: int
    question: bool = False
    conditional: bool = False
    #: it is conditional by more than the será of `será marcado em`
    hypothetical: bool = False
    negated: int = _NOWHERE
    denied: int = _NOWHERE
    names: frozenset[str] = _NO_NAMES

    def names_only_others(self, assets: frozenset[str]) -> bool:
        """Tell whether the clause speaks of tickers, but of none of the assets."""
        return bool(self.names) and self.names.isdisjoint(assets)


def split_clauses(
    tokens: Tokens, tickers: list[int], vocabulary: Vocabulary
) -> tuple[list[Clause], list[int]]:
    """Cut a message into clauses; return them and, for each token, the number of its clause."""
    items = tokens.items
    clauses: list[Clause] = []
    clause_of: list[int] = []
    may_ask = "?" in tokens.words
    may_negate = not tokens.words.isdisjoint(_DENYING)
    may_condition = not (
        tokens.words.isdisjoint(_TRIGGERS) and tokens.words.isdisjoint(vocabulary.conditions)
    )
    for start, end in _cuts(tokens):
        clause_of += [len(clauses)] * (end - start)
        clause = Clause(start, end)
        if may_ask:
            clause.question = _asks(items, start, end)
        if may_negate:
            clause.negated, clause.denied = _negations(items, start, end)
        if may_condition:
            clause.conditional, clause.hypothetical = _conditions(items, start, end, vocabulary.conditions)
        clauses.append(clause)
    for number, places in groupby(tickers, clause_of.__getitem__):
        clauses[number].names = frozenset(t.name for i in places if (t := items[i].ticker) is not None)
    return clauses, clause_of


def _cuts(tokens: Tokens) -> list[tuple[int, int]]:
    """Return where each clause starts and ends."""
    ends = [line_break + 1 for _, line_break in tokens.lines[:-1]]
    if not tokens.words.isdisjoint(_MAY_END):
        ends += [
            i + 1
            for i, token in enumerate(tokens.items)
            if token.word in _MAY_END and _ends_clause(tokens, i)
        ]
        ends.sort()
    if tokens.items and (not ends or ends[-1] != len(tokens.items)):
        ends.append(len(tokens.items))
    return list(pairwise((0, *ends)))


def _ends_clause(tokens: Tokens, i: int) -> bool:
    sign = tokens.items[i].word
    if sign in _PARENTHESES:
        return True
    if not tokens.spaced(i):
        return False
    while sign in _CLOSERS - _ENDS and i > 0 and tokens.items[i - 1].end == tokens.items[i].start:
        i -= 1
        sign = tokens.items[i].word
    return sign in _ENDS


def _negations(items: list[Token], start: int, end: int) -> tuple[int, int]:
    """Return the places of the first word that negates a label, and of the first that denies a phrase."""
    negated = denied = _NOWHERE
    for i in range(end - 1, start - 1, -1):
        word = items[i].word
        negated = i if word in NEGATIONS else negated
        denied = i if word in DENIALS or _is_nearly(items, i) else denied
    return negated, denied


def _is_nearly(items: list[Token], i: int) -> bool:
    """Tell whether token i is the quase of `quase bateu o alvo`: what nearly happened did not."""
    return items[i].word in _NEARLY and i + 1 < len(items) and items[i + 1].kind is TokenKind.WORD


def _asks(items: list[Token], start: int, end: int) -> bool:
    """Tell whether a question mark is among the signs at the clause's end."""
    for i in range(end - 1, start - 1, -1):
        if items[i].word == "?":
            return True
        if items[i].kind not in _SIGNS:
            return False
    return False


_SIGNS = frozenset((TokenKind.SIGN, TokenKind.BREAK))


def _conditions(items: list[Token], start: int, end: int, conditions: frozenset[str]) -> tuple[bool, bool]:
    """Tell whether a word makes the clause a condition or a future; and a word other than `será marcado`."""
    past = conditional = False
    for i in range(start, end):
        word = items[i].word
        if word in PAST_RESULTS:
            past = True
        if word in conditions:
            following = items[i + 1].word if i + 1 < end else ""
            if word == "sera" and (following in PLACED_WORDS or following in {"em", "a"}):
                conditional = True
            elif word != "enquanto" or i == start or items[i - 1].word != "por":
                return True, True
        elif word in _TRIGGERS and _is_occasion(items, i, end, past=past):
            return True, True
    return conditional, False


def _is_occasion(items: list[Token], i: int, end: int, *, past: bool) -> bool:
    """Match `assim que`, `ao bater`, `no primeiro alvo` at token i."""
    word = items[i].word
    following = items[i + 1].word if i + 1 < end else ""
    if word == "assim":
        return following == "que"
    if word == "ao":
        return following[-2:] in {"ar", "er", "ir"}
    if word not in _AT:
        return False
    if following in _BEFORE_TARGET and i + 2 < end:
        following = items[i + 2].word
    return not past and following in _CONDITIONAL_TARGETS


_AT = frozenset(("no", "nos"))
