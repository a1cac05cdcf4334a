"""Which signals a filter by status selects: its SQL is compared with rows in the tests of pages."""

import pytest

from actors.analysis.market_outcome import Ending
from storage.postgres.status_filter import ENDED, StatusFilter


@pytest.mark.parametrize(
    ("words", "status", "valid", "wanted"),
    [
        (["stopped"], "stopped", False, True),
        (["stopped"], "waiting", True, False),
        (["target"], "target_20", False, True),
        (["target"], "target_final", False, True),
        (["valid"], "target_1", True, True),
        (["valid"], "target_1", False, False),
        (["valid", "target_1"], "target_1", False, True),
        (["valid", "target_1"], "waiting", True, True),
    ],
)
def test_a_row_is_wanted_by_its_status_or_because_it_still_counts(
    words: list[str], status: str, *, valid: bool, wanted: bool
) -> None:
    by_status = StatusFilter.of(words)
    assert by_status is not None
    assert by_status.wants({"status": status, "valid": valid, "enriched": None}) is wanted


@pytest.mark.parametrize(
    ("outcomes", "fitting"),
    [
        (["stopped"], {"stopped"}),
        (["ended"], set(ENDED)),
        (["not_ended"], {None, *Ending} - set(ENDED)),
        (["not_ended", "waiting", "closed"], {None, "closed", *Ending} - (set(ENDED) - {"closed"})),
        (["ended", "not_ended"], {None, *Ending}),
    ],
)
def test_prices_select_beside_what_the_channel_says(outcomes: list[str], fitting: set[str | None]) -> None:
    by_outcome = StatusFilter.of((), outcomes)
    both = StatusFilter.of(["valid"], outcomes)
    assert by_outcome is not None
    assert both is not None
    assert {state for state in (None, *Ending) if by_outcome.fits(state)} == fitting
    row = {"status": "waiting", "enriched": {"state": "stopped"}}
    assert by_outcome.wants(row | {"valid": False}) is ("stopped" in fitting)
    assert both.wants(row | {"valid": True}) is ("stopped" in fitting)
    assert not both.wants(row | {"valid": False})


def test_what_has_ended_is_every_outcome_that_prices_or_its_channel_end() -> None:
    going_on = {Ending.NO_BARS, Ending.WAITING, Ending.RUNNING, Ending.UNADJUSTED, Ending.UNCLEAR}
    assert set(ENDED) == set(Ending) - going_on


def test_no_word_is_no_filter() -> None:
    assert StatusFilter.of(()) is None
