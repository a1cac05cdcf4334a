"""No value is wrong without a warning, over generated messages of the second edition's kinds.

The environment variable GRAMMAR_MESSAGES says how many: 200000 for a proof by hand.
"""

from __future__ import annotations

import os

from actors.grammar import read
from engine.model import Kind, Signal
from tests.support.spellings import Spelling, spell

COUNT = int(os.environ.get("GRAMMAR_MESSAGES", "3000"))
#: of the messages so many at least are read right, so that the promise is not kept by refusing all
LEAST_RIGHT = 0.75


def is_right(signal: Signal, meant: Spelling) -> bool:
    entry = () if signal.buy_min is None else (signal.buy_min, signal.buy_max)
    return (
        (signal.side, signal.asset) == (meant.side, meant.asset)
        and entry == (meant.entry[0], meant.entry[-1])
        and (signal.targets, signal.target_final) == (meant.targets, meant.final)
        and signal.stop == meant.stop
    )


def test_no_value_is_wrong_without_a_warning() -> None:
    right = flagged = refused = 0
    wrong: list[int] = []
    for number in range(COUNT):
        meant = spell(number)
        reading = read(meant.text, market=meant.market)
        if reading.kind is not Kind.SIGNAL:
            refused += 1
        elif len(reading.signals) == 1 and is_right(reading.signals[0], meant):
            right += 1
        elif all(signal.warnings for signal in reading.signals):
            flagged += 1
        else:
            wrong.append(number)
    assert wrong == [], f"{COUNT} messages: {right} right, {flagged} flagged, {refused} refused"
    assert right >= LEAST_RIGHT * COUNT
