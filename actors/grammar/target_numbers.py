"""Which target an event speaks of (catalogue, section 14.1: target)."""

from __future__ import annotations

from .lexicon import FINAL_WORDS, ORDINALS, words
from .phrasebook import ALL_TARGETS
from .tokens import Token, TokenKind

__all__ = ["FINAL", "TARGET_WORDS", "further", "names_several", "reach_end", "target_in"]

TARGET_WORDS = words("alvo alvos tp tps target targets objetivo objetivos gain meta metas profit")
#: the number of a target in an event: 0 is the final one
FINAL = 0
#: a higher number behind a target label may be its price (`alvo 18 batido`)
_HIGHEST_INDEX = 9


def further(one: int | None, other: int) -> int:
    """Return the further of two targets; the final one is the furthest."""
    if one is None:
        return other
    return FINAL if FINAL in {one, other} else max(one, other)


def target_in(items: list[Token], start: int, end: int) -> int | None:
    """Return the number of the furthest target named at tokens ``start`` to ``end``; None if there is none."""
    found: int | None = None
    for i in range(max(start - 1, 0), min(end + 1, len(items))):
        if items[i].word in TARGET_WORDS:
            for number in _numbers_at(items, i):
                found = further(found, number)
    return found


def names_several(items: list[Token], start: int, end: int) -> bool:
    """Tell whether tokens name more than one target: `alvo 1 para 18,90 e alvo 2 para 19,80`."""
    return sum(items[i].word in TARGET_WORDS for i in range(start, end)) > 1


def reach_end(items: list[Token], end: int, limit: int) -> int:
    """Return the last token of the targets that a phrase ending at token ``end`` names: `bateu alvo 1 e alvo 2`."""
    numbered = end + 1
    while numbered < limit and _is_number(items[numbered]):
        numbered += 1
    if numbered + 1 < limit and items[numbered].word in _AND and items[numbered + 1].word in TARGET_WORDS:
        last = numbered + 2
        behind = items[last + 1] if last + 1 < limit else None
        ends = behind is None or behind.kind is not TokenKind.WORD or behind.word in _BEHIND
        if last < limit and _is_number(items[last]) and ends:
            return last
    return end


def _is_index(kind: str, number: int) -> bool:
    return kind != TokenKind.PERCENT and 1 <= number <= _HIGHEST_INDEX


def _is_number(token: Token) -> bool:
    return token.kind is not TokenKind.PERCENT and token.number is not None and token.number.small is not None


_AND = words("e and y & +")
_BEHIND = words("em de da do na no in on at e and y")


def _numbers_at(items: list[Token], i: int) -> list[int]:
    """Return the numbers of the target word at token i: `alvo 2`, `2º alvo`, `alvos 1 e 2`, `alvo final`."""
    before = items[i - 1].word if i > 0 else ""
    behind = items[i + 1].word if i + 1 < len(items) else ""
    if before in FINAL_WORDS or behind in FINAL_WORDS:
        return [FINAL]
    if before in ALL_TARGETS or (before == "os" and i > 1 and items[i - 2].word in ALL_TARGETS):
        return [FINAL]
    if before in ORDINALS:
        return [ORDINALS[before]]
    found: list[int] = []
    j = i + 1
    while j < len(items):
        number = items[j].number
        if items[j].word in ORDINALS:
            found.append(ORDINALS[items[j].word])
        elif number is not None and number.small is not None and _is_index(items[j].kind, number.small):
            found.append(number.small)
        else:
            break
        j += 1
        if j >= len(items) or items[j].word not in {"e", ",", "/", "and", "y"}:
            break
        j += 1
    return found
