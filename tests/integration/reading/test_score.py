"""The score between a real database and the process that trains: learnt, given to signals, and withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from actors.analysis.outcome import RULES_VERSION
from actors.analysis.score.evidence import Evidence
from actors.analysis.score.report import trained
from actors.enrichment import learning
from actors.enrichment.scoring import UNREADABLE
from actors.names import ENRICHER
from actors.shown.enricher_snapshot import EnricherSnapshot
from engine.bars import BarSource
from engine.messages import Tick
from ops.cli import app
from ops.http.routes.score import read_score_report
from storage.errors import StorageError
from storage.postgres.database import Database
from storage.postgres.enriched_rows import ENRICHED_COLUMNS
from storage.postgres.page_query import SignalQuery
from tests.integration.reading.conftest import CHANNEL, START, Command, Store, message
from tests.integration.reading.test_enrichment import SIGNAL, days, minute
from tests.support.enriching import Enriching
from tests.support.planted import end_of, planted
from tests.support.stack import eventually

WEEKS = 10


def planted_rows(now: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of planted signals, the last of which has ended now."""
    later = now - end_of(WEEKS)
    examples, _ = planted(2, number=650, weeks=WEEKS, effect=2.0)
    for number, example in enumerate(examples, 1):
        known_at, trade = example.known_at, example.posting
        assert known_at is not None
        prices = {name: str(getattr(trade, name)) for name in ("low", "high", "target", "stop")}
        channel, message_id, position = example.key
        yield {
            **dict.fromkeys(ENRICHED_COLUMNS),
            "channel": channel,
            "message_id": message_id,
            "position": position,
            "rules": RULES_VERSION,
            "id": 10**9 + number,
            "ts": trade.posted_at + later,
            "signal_type": trade.signal_type,
            "side": trade.side,
            "asset": "ABEV3",
            "symbol": "ABEV3",
            "state": "target" if example.hit else "stopped",
            "reached": [known_at + later - timedelta(days=1)] if example.hit else [],
            "same_bar": False,
            "first_r": Decimal(1 if example.hit else -1),
            "known_at": known_at + later,
            "indicators": example.indicators,
            "trade": {**prices, "targets": trade.targets},
        }


@pytest.fixture
def world(world: Enriching) -> Enriching:
    """Give results that something can be learnt from, and prices of the asset of a new signal."""
    world.enriched.write(list(planted_rows(START - timedelta(days=3))), seen=[])
    world.bars.put([*days(), minute(1, "10 10.2 9.9 10.1")], source=BarSource.CSV)
    return world


def score_of(world: Enriching) -> Mapping[str, Any] | None:
    """Return the score that a reader of the newest signal sees."""
    world.scorer.forget()
    world.look()
    (signal,) = world.signals.find(SignalQuery()).rows
    found: Mapping[str, Any] | None = signal["enriched"]["score"]
    return found


def test_what_is_learnt_is_given_to_signals_and_taken_away_when_it_does_not_hold(
    world: Enriching, store: Store, command: Command
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    assert score_of(world) is None
    assert (
        command("score", "report") == "not enough evidence: 650 results are known, and training takes 200\n"
    )
    world.enricher.on_receive(Tick(purpose="learn"))
    training = world.learning._training
    assert training is not None
    eventually(training.has_ended, deadline_s=60)
    world.enricher.on_receive(Tick(purpose="learn"))
    newest = world.models.newest()
    assert newest is not None
    assert (newest["shown"], newest["results"]) == (True, 650)
    world.commits()
    score = score_of(world)
    assert score is not None
    assert 0 < score["probability"] < 1
    assert score["model"] == newest["report"]["model"]
    assert len(score["contributions"]) == 3
    assert world.commits() == 1
    assert score_of(world) == score
    assert world.commits() == 0
    told = orjson.loads(command("score", "report", "--json"))
    assert (told["shown"], told["reason"]) == (True, None)
    assert told["evidence"]["skill_low"] > 0
    assert "\nshown\n" in command("score", "report")
    world.models.put(
        asdict(trained([], Evidence(foretold=250, days=30, enough=False), results=650, at=START))
    )
    assert score_of(world) is None
    assert world.commits() == 1
    assert "not shown, not enough evidence: the 95 % interval" in command("score", "report")


def test_a_training_that_fails_is_seen_in_the_health(
    world: Enriching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_MODULE", "actors.analysis.score.no_such_module")
    world.look()
    world.enricher.on_receive(Tick(purpose="learn"))
    training = world.learning._training
    assert training is not None
    eventually(training.has_ended, deadline_s=60)
    world.enricher.on_receive(Tick(purpose="learn"))
    world.look()
    assert (
        world.shown(ENRICHER, EnricherSnapshot).error == "the process that trains the score ended with code 1"
    )


def test_the_command_says_in_one_sentence_why_it_cannot_train(
    world: Enriching, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_MODULE", "actors.analysis.score.no_such_module")
    failed = CliRunner().invoke(app, ["score", "train"])
    told = "the score cannot be read or trained: the process that trains the score ended with code 1"
    assert (failed.exit_code, told in failed.output) == (1, True)
    monkeypatch.setattr(learning, "find_spec", lambda _: None)
    lacking = CliRunner().invoke(app, ["score", "train"])
    assert (lacking.exit_code, "pip install 'tp-capital[enrich]'" in lacking.output) == (1, True)
    assert "Traceback" not in failed.output + lacking.output
    assert world.models.newest() is None


def test_a_training_is_due_each_week_and_when_results_have_doubled(world: Enriching) -> None:
    now = world.learning._now()
    nothing = trained([], Evidence(foretold=0, days=0, enough=False), results=400, at=now)
    assert world.learning._is_due(now)
    world.models.put(asdict(nothing))
    assert not world.learning._is_due(now)
    world.models.put(asdict(replace(nothing, results=300)))
    assert world.learning._is_due(now)
    world.models.put(asdict(replace(nothing, trained_at=now - timedelta(days=8))))
    assert world.learning._is_due(now)


def test_a_result_is_known_when_the_day_of_its_hit_is_over_or_when_it_has_ended(
    world: Enriching, database: Database
) -> None:
    assert len(world.models.results()) == world.models.count_results() == 650
    pages = [row for page in world.models.examples() for row in page]
    assert len(pages) == 650
    hit = next(row for row in pages if row["hit"])
    reached = hit["result_at"] - timedelta(minutes=1)
    running = "update signals.signal_outcomes set state = 'running', known_at = null, reached = %s where message_id = %s"
    database.write(lambda cursor: cursor.execute(running, ([reached], hit["message_id"])))
    again = next(
        row for page in world.models.examples() for row in page if row["message_id"] == hit["message_id"]
    )
    local = again["result_at"].astimezone(tz=None)
    assert reached < again["result_at"] <= reached + timedelta(days=1)
    assert local.minute == 0
    for state in ("unclear", "unadjusted"):
        database.write(
            lambda cursor, state=state: cursor.execute(
                "update signals.signal_outcomes set state = %s", (state,)
            )  # type: ignore[misc]
        )
        assert world.models.count_results() == 0
        assert world.models.results() == []


def test_a_trade_that_came_with_an_edit_teaches_nothing_and_has_no_score(
    world: Enriching, store: Store, database: Database
) -> None:
    trade = SIGNAL.format("PETR4", "")
    store([message(number, trade, minute=0) for number in (1, 2)])
    store([message(3, "Bom dia a todos", minute=0)])
    world.bars.put([minute(2, "10 11.5 9.9 11.2")], source=BarSource.CSV)
    # the first is praised, the prices of the second are other ones, the third was no signal
    store([message(1, trade + "\n✅", minute=0, version=5)])
    store(
        [
            message(2, trade.replace("11,00", "10,50"), minute=0, version=5),
            message(3, trade, minute=0, version=5),
        ]
    )
    world.look()
    assert {row["message_id"] for row in world.signals.find(SignalQuery()).rows if row["enriched"]} == {
        "1",
        "2",
        "3",
    }
    learnt = [
        row["message_id"] for page in world.models.examples() for row in page if row["channel"] == CHANNEL
    ]
    assert learnt == ["1"]
    # a score is computed from the stored trade
    with_trade = "select message_id from signals.signal_enrichment where channel = %s and trade is not null"
    assert database.read(lambda cursor: cursor.execute(with_trade, [CHANNEL]).fetchall()) == [
        {"message_id": "1"}
    ]


def test_signals_of_before_there_was_a_score_are_worked_out_once(
    world: Enriching, store: Store, database: Database
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.look()
    # as an earlier version has left it
    database.write(
        lambda cursor: cursor.execute("update signals.signal_enrichment set trade = null, score_model = null")
    )
    world.commits()
    world.enricher._renewed = ""
    while world.enricher._renewed is not None:
        world.look()
    assert world.rows()["PETR4"]["trade"] == {
        "low": "10.00",
        "high": "10.00",
        "target": "11.00",
        "targets": 2,
        "stop": "9.00",
    }
    assert world.commits() == 0, "no reader sees the difference"


def test_a_model_that_cannot_be_read_takes_the_scores_and_nothing_else(
    world: Enriching, store: Store
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    learnt = trained([], Evidence(foretold=250, days=30, enough=True), results=650, at=START)
    for fits in ([{"digest": "of another version"}], ["damaged"]):
        world.models.put(asdict(learnt) | {"fits": fits})
        assert score_of(world) is None
        assert "PETR4" in world.rows()
        told = world.snapshots.read(ENRICHER, EnricherSnapshot)
        assert told is not None
        assert told.value.error == UNREADABLE
    world.models.put(asdict(learnt))
    assert score_of(world) is None
    assert world.scorer.error is None
    world.models.put(asdict(learnt) | {"report": {"reason": "of another version"}})
    with pytest.raises(StorageError, match="score train"):
        read_score_report(world.models)
