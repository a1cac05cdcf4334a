"""``score``: train how probably signals reach their first target, and tell what the score is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from actors.enrichment.calculator import CalculatorError
from actors.enrichment.learning import TRAINING_NOT_INSTALLED, Learning
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.commands.common import System, quiet_logs, settings_for_database, stop
from ops.exit_codes import EXIT_FAILED
from ops.http.routes.score import ScoreReport, read_score_report
from ops.stores import Stores
from ops.terminal import say, say_json
from storage.errors import StorageError
from storage.postgres.score_models import ScoreModels

__all__ = ["score"]

score = typer.Typer(
    help="Train how probably signals reach their first target before their stop, and tell what it is worth.",
    no_args_is_help=True,
)
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@score.command()
def train(*, system: System = None, json: Json = False) -> None:
    """Train now, in a process of its own, and print the report. The daemon does it by itself each week.

    Signals get the new score within a minute, or lose it if the evidence is not enough any more.
    """
    with _models(system) as (models, stores):
        learning = Learning(models, now=stores.database.now)
        if not learning.installed:
            stop(EXIT_FAILED, TRAINING_NOT_INSTALLED)
        learning.store(learning.begin().result())
        _tell(read_score_report(models), json=json)


@score.command()
def report(*, system: System = None, json: Json = False) -> None:
    """Print the report of the newest training: whether the score is shown, why, and what it looks at."""
    with _models(system) as (models, _):
        _tell(read_score_report(models), json=json)


@contextmanager
def _models(system: System) -> Iterator[tuple[ScoreModels, Stores]]:
    settings = settings_for_database(system)
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    try:
        stores.database.open()
        yield ScoreModels(stores.database), stores
    except (StorageError, CalculatorError) as error:
        stop(EXIT_FAILED, f"the score cannot be read or trained: {error}")
    finally:
        stores.close()
        timers.close()


def _tell(found: ScoreReport, *, json: bool) -> None:
    if json:
        say_json(found.model_dump(mode="json"), indent=True)
        return
    for line in _lines(found):
        say(line)


def _lines(found: ScoreReport) -> Iterator[str]:
    if found.trained_at is None:
        yield f"not enough evidence: {found.results} results are known, and training takes {found.least_results}"
        return
    yield f"trained {found.trained_at:%Y-%m-%d %H:%M} UTC from {found.results} results"
    told = found.evidence
    if told is not None:
        yield f"foretold: {told.foretold} results of {told.days} days"
        if told.skill is not None:
            yield (
                f"Brier skill against the base rate: {told.skill:+.1%}, 95 % from {told.skill_low:+.1%} "
                f"to {told.skill_high:+.1%}; AUC {told.auc:.3f}"
            )
    yield (
        "shown"
        if found.shown
        else f"not shown, not enough evidence: {_REASONS[str(found.reason)].format(found)}"
    )
    for point in told.reliability if told else ():
        yield (
            f"  told {point.probability:.0%}: {point.share:.0%} were hits ({point.share_low:.0%}-"
            f"{point.share_high:.0%}, {point.number} signals)"
        )
    for feature in found.features:
        yield f"  {feature.name}: moves a signal by {feature.influence:.3f} on average (log-odds)"


_REASONS = {
    "few_results": "fewer than {0.least_foretold} results were foretold",
    "few_days": "they are of fewer than {0.least_days} days",
    "no_skill": "the 95 % interval of the skill is not above zero",
    "no_week_skill": "within a week it tells good signals from bad ones no better than chance (week_skill)",
}
