"""Which target an event speaks of (catalogue, section 14.1: target)."""

from __future__ import annotations

from .lexicon import FINAL_WORDS, ORDINALS, words
from .phrasebook import ALL_TARGETS
from .tokens import Token

__all__ = ["FINAL", "TARGET_WORDS", "further", "target_in"]

TARGET_WORDS = words("alvo alvos tp tps target targets objetivo objetivos gain meta metas profit")
#: the number of a target in an event: 0 is the final one
FINAL = 0
_MOST_TARGETS = 20


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
        elif number is not None and number.small is not None and 1 <= number.small <= _MOST_TARGETS:
            found.append(number.small)
        else:
            break
        j += 1
        if j >= len(items) or items[j].word not in {"e", ",", "/", "and", "y"}:
            break
        j += 1
    return found
