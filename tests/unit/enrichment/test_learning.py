"""The process that trains: without its libraries, when it fails, and what it is given of a signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from actors.analysis.score.evidence import Evidence
from actors.analysis.score.report import ScoreReason, trained
from actors.enrichment import learning as module
from actors.enrichment.calculator import CalculatorError
from actors.enrichment.learning import Learning, Training
from actors.enrichment.trades import example_of, stored_trade, trade_of
from engine.model import Side
from storage.postgres.score_models import ScoreModels
from tests.support.markets import POSTED, plan
from tests.support.stack import eventually


class ManyResults:
    """Has results enough for a training, and no model."""

    def newest(self) -> None:
        """Nothing was trained."""

    def count_results(self) -> int:
        """There are many results."""
        return 1000

    def examples(self) -> Iterator[list[Mapping[str, Any]]]:
        """Yield none of them."""
        return iter(())


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = POSTED

    def now(self) -> datetime:
        """Return its time."""
        return self.at


@pytest.fixture
def learning() -> Iterator[tuple[Learning, Watch]]:
    watch = Watch()
    found = Learning(cast("ScoreModels", ManyResults()), now=watch.now)
    yield found, watch
    found.close()


def test_without_the_extra_nothing_is_trained(learning: tuple[Learning, Watch]) -> None:
    found, _ = learning
    found.installed = False
    assert not found.look()
    assert not found.is_running()


def test_a_training_that_failed_is_told_and_begun_again_an_hour_later(
    learning: tuple[Learning, Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MODULE", "actors.analysis.score.no_such_module")
    found, watch = learning
    assert not found.look()
    training = found._training
    assert training is not None
    eventually(training.has_ended)
    with pytest.raises(CalculatorError, match="trains the score ended with code 1"):
        found.look()
    assert not found.is_running()
    watch.at += timedelta(minutes=59)
    found.look()
    assert not found.is_running()
    watch.at += timedelta(minutes=2)
    found.look()
    assert found.is_running()


def test_a_training_that_takes_too_long_is_ended() -> None:
    training = Training([], now=POSTED)
    with pytest.raises(CalculatorError, match="took more than 0 s"):
        training.result(longest_s=0)


def test_the_reasons_why_a_score_is_not_shown() -> None:
    few = Evidence(foretold=199, days=30, enough=False)
    many = replace(few, foretold=200)
    told = (few, replace(many, days=19), many, replace(many, enough=True))
    found = [trained([], each, results=500, at=POSTED).report["reason"] for each in told]
    assert found == [ScoreReason.FEW_RESULTS, ScoreReason.FEW_DAYS, ScoreReason.NO_SKILL, None]


def test_what_was_posted_is_stored_and_read_again() -> None:
    posted = plan(entry="9.90 10", targets="12 11", stop="9")
    stored = stored_trade(posted)
    assert stored == {"low": "9.90", "high": "10", "target": "11", "stop": "9", "targets": 2}
    row = {
        "channel": "-1",
        "message_id": "5",
        "position": 0,
        "ts": POSTED,
        "side": "buy",
        "signal_type": "Day Trade",
    }
    trade = trade_of(row, stored)
    assert (trade.low, trade.target, trade.side) == (Decimal("9.90"), Decimal(11), Side.BUY)
    unknown = example_of({**row, "trade": stored, "indicators": {}, "hit": False, "result_at": None})
    assert (unknown.hit, unknown.known_at, unknown.key) == (None, None, ("-1", "5", 0))
    known = example_of({**row, "trade": stored, "indicators": {}, "hit": False, "result_at": POSTED})
    assert (known.hit, known.known_at) == (False, POSTED)
    sold = plan(side=Side.SELL, entry="10 10", targets="8 9", stop="11")
    assert (stored_trade(sold) or {})["target"] == "9"


def test_what_makes_no_trade_is_not_stored() -> None:
    for posted in (plan(entry=None), plan(stop=None), plan(targets=""), plan(doubtful=True)):
        assert stored_trade(posted) is None
