"""Tests and lessons: messages about messages (catalogue, section 8, step 2)."""

from __future__ import annotations

from .lexicon import words
from .message import Message
from .phrases import words_follow
from .tokens import TokenKind

__all__ = ["find_test"]

_SUBJECTS = words("sinal mensagem operacao ordem envio")
_MACHINERY = words("sinal mensagem envio robo bot sistema canal")
_POINTERS = words("isto isso este esta esse essa")
_OF = words("de do da")
_ONLY = words("so apenas")
#: may stand beside `teste` in a clause that is only that
_ASIDE = words("so apenas e um")


def find_test(message: Message) -> str | None:
    """Return the reason if the message calls itself a test or an example."""
    words_ = message.tokens.words
    if "teste" not in words_ and "exemplo" not in words_:
        return None
    for i, token in enumerate(message.items):
        if token.word in {"teste", "exemplo"} and _heads_line(message, i):
            return "test.heading"
        if _names_test(message, i) or (token.word in _POINTERS and _points_at_test(message, i)):
            return "test.message"
    for clause in message.clauses:
        said = [t for t in message.items[clause.start : clause.end] if t.kind not in _SILENT]
        if any(token.word == "teste" for token in said) and all(
            token.word == "teste" or token.word in _ASIDE for token in said
        ):
            return "test.alone"
    return None


_SILENT = frozenset((TokenKind.SIGN, TokenKind.BREAK))


def _word(message: Message, i: int) -> str:
    return message.items[i].word if i < len(message.items) else ""


def _heads_line(message: Message, i: int) -> bool:
    """Tell whether a line begins with token i and a punctuation mark."""
    items = message.items
    start, end = message.tokens.lines[items[i].line]
    if i + 1 >= end or items[i + 1].kind is not TokenKind.SIGN:
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
