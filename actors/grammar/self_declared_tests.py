"""Tests and lessons: messages about messages (catalogue, section 8, step 2)."""

from __future__ import annotations

from .clauses import Clause
from .lexicon import words
from .message import Message
from .reaching import words_follow
from .tokens import Token, TokenKind

__all__ = ["find_test"]

_SUBJECTS = words("sinal mensagem operacao ordem envio")
_MACHINERY = words("sinal mensagem envio alerta robo bot sistema canal")
_POINTERS = words("isto isso este esta esse essa")
_OF = words("de do da")
_ONLY = words("so apenas")
_SIMULATED = words("simulado simulada simulados simuladas")
_SIMULATED_NOUNS = words("sinal alerta operacao ordem trade")
#: a clause that says nothing else is a test's
_ALONE = (
    words("teste simulacao paper backtest ficticio ficticia ficticios ficticias")
    | words("ilustrativo ilustrativa ilustrativos ilustrativas")
    | _SIMULATED
)
_ALONE_PAIRS = (("paper", "trade"), ("conta", "demo"))
#: may stand beside these in such a clause
_ASIDE = words("so apenas e um uma em sinal operacao exemplo valores")
_HEADINGS = _ALONE | {"exemplo"}
_TRIGGERS = _HEADINGS | words("conta real")


def find_test(message: Message) -> str | None:
    """Return the reason if the message calls itself a test or an example."""
    if message.tokens.words.isdisjoint(_TRIGGERS):
        return None
    for i, token in enumerate(message.items):
        if token.word in _TRIGGERS and _heads_line(message, i):
            return "test.heading"
        if _names_test(message, i) or (token.word in _POINTERS and _points_at_test(message, i)):
            return "test.message"
    first = _first_line(message)
    if any(_names_simulation(message, i) is not None for i in range(*first)):
        return "test.simulated"
    for clause in message.clauses:
        said = [t for t in message.items[clause.start : clause.end] if t.kind not in _SILENT]
        if _is_alone(said):
            return "test.alone"
        if _is_simulation(message, clause, said):
            return "test.simulated"
    return None


_SILENT = frozenset((TokenKind.SIGN, TokenKind.BREAK))


def _word(message: Message, i: int) -> str:
    return message.items[i].word if i < len(message.items) else ""


def _first_line(message: Message) -> tuple[int, int]:
    return next((line for line in message.tokens.lines if line[0] < line[1]), (0, 0))


def _heads_line(message: Message, i: int) -> bool:
    """Tell whether a line begins with the test word, or pair of words, at token i and a punctuation mark."""
    items = message.items
    start, end = message.tokens.lines[items[i].line]
    if items[i].word in _HEADINGS and i + 1 < end and items[i + 1].kind is TokenKind.SIGN:
        behind = i + 1
    else:
        ends = (words_follow(items, i, pair) for pair in _ALONE_PAIRS)
        behind = next((e for e in ends if e is not None and e < end), end)
    if behind >= end or items[behind].kind is not TokenKind.SIGN:
        return False
    return all(token.kind is TokenKind.SIGN for token in items[start:i])


def _names_test(message: Message, i: int) -> bool:
    """Match `sinal de teste`, `teste do robô`, `exemplo de sinal`, `sinal de exemplo` at token i."""
    first, link, last = (_word(message, i + n) for n in range(3))
    if first in _SUBJECTS and link == "de" and last == "teste":
        return True
    if first == "teste":
        return link in _OF and last in _MACHINERY
    if first == "exemplo":
        return link == "de" and last in {"sinal", "operacao"}
    return first == "sinal" and link == "de" and last == "exemplo"


def _points_at_test(message: Message, i: int) -> bool:
    """Match `isto é só um teste`, `esta mensagem é um teste` at token i."""
    i += 1
    if _word(message, i) in {"sinal", "mensagem"}:
        i += 1
    if _word(message, i) != "e":
        return False
    i += 1
    if _word(message, i) in _ONLY:
        i += 1
    return words_follow(message.items, i, ("um", "teste")) is not None


def _names_simulation(message: Message, i: int) -> int | None:
    """Match `sinal simulado`, `simulação de trade` at token i; return the place behind it."""
    first, second, third = (_word(message, i + n) for n in range(3))
    if first in _SIMULATED_NOUNS and second in _SIMULATED:
        return i + 2
    if first == "simulacao" and second == "de" and third in {"sinal", "operacao", "trade"}:
        return i + 3
    return None


def _is_alone(said: list[Token]) -> bool:
    """Tell whether a clause is only `teste`, `conta demo` or the like, a few words aside."""
    found = False
    i = 0
    while i < len(said):
        pair = tuple(token.word for token in said[i : i + 2])
        if pair in _ALONE_PAIRS:
            found, i = True, i + 2
            continue
        if said[i].word in _ALONE:
            found = True
        elif said[i].word not in _ASIDE:
            return False
        i += 1
    return found


def _is_simulation(message: Message, clause: Clause, said: list[Token]) -> bool:
    """Tell whether a clause is only `sinal simulado` or `isto não é uma operação real`."""
    if not said:
        return False
    spoken = [token.word for token in said]
    if spoken[0] in _POINTERS:
        spoken = spoken[1:]
        if spoken[:1] == ["sinal"]:
            spoken = spoken[1:]
    if spoken[:2] == ["nao", "e"] and spoken[-1] == "real":
        middle = [word for word in spoken[2:-1] if word not in {"um", "uma"}]
        return not middle or (len(middle) == 1 and middle[0] in {"operacao", "ordem", "sinal"})
    first = next(i for i in range(clause.start, clause.end) if message.items[i].kind not in _SILENT)
    end = _names_simulation(message, first)
    return end is not None and all(token.kind in _SILENT for token in message.items[end : clause.end])
