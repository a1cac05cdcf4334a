"""``GET /score/report``: whether signals have a score, why, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.analysis.score.evidence import LEAST_DAYS, LEAST_FORETOLD
from actors.analysis.score.examples import LEAST_RESULTS
from actors.analysis.score.report import ScoreReason
from ops.http.kit.answers import JSON, json_answer
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.problems import Body, problem
from storage.errors import StorageError
from storage.postgres.score_models import ScoreModels

__all__ = ["ScoreReport", "read_score_report", "score_operations"]


class ReliabilityPoint(Body):
    """Signals of similar probability, and how many of them were hits."""

    number: int = Field(description="how many signals")
    probability: float = Field(description="their average probability")
    share: float = Field(description="the share of hits among them")
    share_low: float = Field(description="lower bound of its Wilson 95 % interval")
    share_high: float = Field(description="upper bound of its Wilson 95 % interval")


class ScoreEvidence(Body):
    """What the probabilities were worth for signals that were not learnt from. Null would divide by nothing."""

    foretold: int = Field(description="how many results were foretold")
    days: int = Field(description="on how many days their signals were posted")
    brier: float | None = Field(description="mean squared error of the probabilities")
    base_brier: float | None = Field(
        description="the same of the share of hits known when each signal was posted"
    )
    skill: float | None = Field(description="the part of `base_brier` that the probabilities save")
    skill_low: float | None = Field(description="lower bound of its 95 % interval, from draws of whole days")
    skill_high: float | None = Field(description="upper bound of its 95 % interval")
    week_skill: float | None = Field(
        default=None,
        description="what they save against the share of hits of the signal's own week, as a part of `base_brier`",
    )
    week_skill_low: float | None = Field(default=None, description="lower bound of its 95 % interval")
    week_skill_high: float | None = Field(default=None, description="upper bound of its 95 % interval")
    auc: float | None = Field(description="the chance that a hit had a higher probability than a miss")
    slope: float | None = Field(description="of the line from told to true log-odds; 1 is calibrated")
    intercept: float | None = Field(description="of the same line; 0 is calibrated")
    reliability: list[ReliabilityPoint] = Field(
        description="the reliability curve, the lowest probability first"
    )


class ScoreFeature(Body):
    """What the score looks at."""

    name: str = Field(description="its name (`docs/score.md`)", examples=["rsi"])
    influence: float = Field(description="by how much it moves a signal on average, in log-odds")
    weights: dict[str, float] = Field(
        description="log-odds for each deviation of its values; empty where trees decide"
    )


class ScoreReport(Body):
    """The newest training of the score. Null where nothing was trained, or nothing could be learnt."""

    shown: bool = Field(description="whether signals have a score")
    reason: ScoreReason | None = Field(description="why they have none: the evidence is not enough")
    trained_at: datetime | None = Field(description="when it was trained")
    results: int = Field(description="how many results were known")
    least_results: int = Field(description="from so many results on something is learnt")
    least_foretold: int = Field(description="so many foretold results are needed to show it")
    least_days: int = Field(description="and of so many days")
    weeks: int = Field(description="for how many weeks it was learnt anew; each foretold its own signals")
    model: str | None = Field(description="digest of the results and rules that the newest was learnt from")
    kind: str | None = Field(description="`regression` or `trees`")
    trained_until: datetime | None = Field(description="it was learnt from results known before this instant")
    base_rate: float | None = Field(description="the share of hits among them")
    evidence: ScoreEvidence | None = Field(description="what it is worth")
    features: list[ScoreFeature] = Field(description="what it looks at, the most influential first")


_NOT_TRAINED: Mapping[str, Any] = {
    **dict.fromkeys(("trained_at", "model", "kind", "trained_until", "base_rate", "evidence")),
    "shown": False,
    "reason": ScoreReason.NOT_TRAINED,
    "weeks": 0,
    "features": [],
}


def read_score_report(models: ScoreModels) -> ScoreReport:
    """Return the report of the newest training.

    Raises:
        StorageError: the database is away, or the stored report is damaged or of another version.
    """
    newest = models.newest()
    if newest is None:
        known = {**_NOT_TRAINED, "results": models.count_results()}
    else:
        told = {name: newest[name] for name in ("shown", "results")}
        known = {**newest["report"], **told, "trained_at": newest["trained_at"].astimezone(UTC)}
    limits = {"least_results": LEAST_RESULTS, "least_foretold": LEAST_FORETOLD, "least_days": LEAST_DAYS}
    try:
        return ScoreReport.model_validate({**known, **limits})
    except ValidationError as error:
        raise StorageError(
            "it was stored by another version: `tp-capital score train` makes another one"
        ) from error


def score_operations(models: ScoreModels) -> list[Operation]:
    """Return the operation."""

    async def report(_: Request) -> Response:
        try:
            found = await run_in_threadpool(read_score_report, models)
        except StorageError as error:
            return problem(503, f"The report cannot be read now: {error}", headers={"Retry-After": "5"})
        return json_answer(found, headers={"Cache-Control": "no-cache"})

    return [
        Operation(
            method="GET",
            path="/score/report",
            name="getScoreReport",
            summary="Whether signals have a score, why, and what it is worth",
            tag="signals",
            handler=report,
            answers={200: Answer(description="The report", body={JSON: ScoreReport})},
            problems=(503,),
        )
    ]
