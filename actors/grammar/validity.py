"""Until when an order is valid, and the type of a trade (catalogue, section 6)."""

from __future__ import annotations

from .lexicon import TYPES, VALIDITY_BETWEEN, VALIDITY_LEADS, VALIDITY_LINE_WORDS
from .message import Message
from .tokens import TokenKind

__all__ = ["find_types", "find_validities"]


def find_validities(message: Message) -> list[int]:
    """Return the date tokens that say until when an order is valid."""
    tokens = message.tokens
    if tokens.words.isdisjoint(VALIDITY_LEADS):
        return []
    found: list[int] = []
    for start, end in tokens.lines:
        line = tokens.items[start:end]
        if all(token.word not in VALIDITY_LINE_WORDS for token in line):
            continue
        led = False  # only what may stand between since `até` or `validade`
        for i, token in enumerate(line, start):
            if token.kind is TokenKind.DATE:
                if led and token.word:
                    found.append(i)
                led = False
            elif token.word in VALIDITY_LEADS:
                led = True
            elif token.kind is not TokenKind.SIGN and token.word not in VALIDITY_BETWEEN:
                led = False
    return found


def find_types(message: Message) -> list[tuple[int, int, str]]:
    """Return the first and last token and the name of each trade type that a message names."""
    if _BY_FIRST.keys().isdisjoint(message.tokens.words):
        return []
    return [
        (i, end, name)
        for i, token in enumerate(message.items)
        if token.word in _BY_FIRST
        for rest, name in _BY_FIRST[token.word]
        if (end := _last_of(message, i, rest)) is not None
    ]


_BY_FIRST: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _words, _name in TYPES:
    _first, *_rest = _words.split()
    _BY_FIRST.setdefault(_first, []).append((tuple(_rest), _name))


def _last_of(message: Message, i: int, rest: tuple[str, ...]) -> int | None:
    """Match words behind token i, hyphens aside; return the last one's place."""
    items = message.items
    last = i
    for word in rest:
        i = last + 1
        while i < len(items) and items[i].word == "-":
            i += 1
        if i >= len(items) or items[i].word != word:
            return None
        last = i
    return last
