"""Reward over risk: exact, and none where it would mean nothing."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.postgres.reward_risk import DOUBTFUL, reward_risk

DECIMAL_JS = Path(__file__).parents[3] / "ops" / "http" / "dashboard" / "decimal.js"


def signal(
    low: str | None, high: str | None, stop: str | None, *targets: str, **changes: Any
) -> dict[str, Any]:
    prices = [Decimal(target) for target in targets]
    return {
        "side": "buy",
        "buy_min": low and Decimal(low),
        "buy_max": high and Decimal(high),
        "stop": stop and Decimal(stop),
        "targets": prices,
        "target_final": prices[-1] if prices else None,
        "warnings": [],
        **changes,
    }


@pytest.mark.parametrize(
    ("given", "ratio"),
    [
        (signal("10", "10", "9", "11", "13"), "3.00"),
        (signal("9.90", "10.10", "9", "11"), "1.00"),
        (signal("10", "10", "9.4", "10.5"), "0.83"),
        # half a hundredth is rounded up
        (signal("10", "10", "6", "10.5"), "0.13"),
        (signal("10", "10", "11", "8", side="sell"), "2.00"),
        (signal("10", "10", "9", "12", target_final=Decimal(9)), "2.00"),
        (signal("10", "10", "9", "12", target_final=None), "2.00"),
        # all digits of a message count
        (signal("1" + "0" * 400, "1" + "0" * 400, "9" * 400, "1" + "0" * 398 + "12"), "12.00"),
        (signal("10", "10", "10", "12"), None),
        (signal("10", "10", "11", "12"), None),
        (signal("10", "10", "9", "9.5"), None),
        (signal("10", "10", "9"), None),
        (signal("10", "10", None, "12"), None),
        (signal(None, None, "9", "12"), None),
        (signal("10", "10", "9", "12", warnings=["missing_date"]), "2.00"),
        *((signal("10", "10", "9", "12", warnings=[name]), None) for name in sorted(DOUBTFUL)),
    ],
)
def test_reward_over_risk_is_of_the_middle_of_the_entry_and_of_the_furthest_target(
    given: dict[str, Any], ratio: str | None
) -> None:
    assert reward_risk(given) == (ratio and Decimal(ratio))


def test_the_page_doubts_the_same_prices() -> None:
    block = DECIMAL_JS.read_text("utf-8").partition("const DOUBTFUL = new Set([")[2].partition("]")[0]
    assert set(re.findall(r'"(\w+)"', block)) == DOUBTFUL
