"""The track record: each figure on a history that is small enough to work out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from actors.analysis.claims import Verified
from actors.analysis.market_outcome import Ending
from actors.analysis.record import Judged, track_record

START = datetime(2026, 3, 2, 14, tzinfo=UTC)


def signal(
    number: int,
    r: str | None,
    *,
    reached: int = 0,
    state: Ending = Ending.STOPPED,
    entered: bool = True,
    ended: bool = True,
    claim: Verified | None = None,
) -> Judged:
    at = START + timedelta(hours=number)
    return Judged(
        state=state,
        posted_at=START,
        entered=entered,
        reached=reached,
        r=None if r is None else Decimal(r),
        known_at=at if ended else None,
        claim=claim,
        key=("-1", str(number), 0),
    )


HISTORY = [
    signal(1, "2", reached=1, state=Ending.TARGET, claim=Verified.AGREES),
    signal(2, "-1", claim=Verified.CONTRADICTS),
    signal(3, "-1.5", claim=Verified.NOT_VERIFIABLE),
    signal(4, "0.5", state=Ending.EXPIRED),
    signal(5, "-1"),
    signal(6, None, state=Ending.EXPIRED, entered=False),
    signal(7, None, state=Ending.RUNNING, ended=False),
    signal(8, None, state=Ending.UNCLEAR, entered=False),
    signal(9, None, state=Ending.NO_BARS, entered=False, ended=False),
]


def test_each_figure_is_the_one_worked_out_by_hand() -> None:
    found = track_record(HISTORY)
    assert (found.signals, found.judged, found.entered, found.resolved, found.hits) == (9, 7, 6, 5, 1)
    assert found.entered_share == Decimal("0.8571")
    assert found.hit_rate == Decimal("0.2")
    assert (found.total_r, found.average_r, found.median_r) == (Decimal(-1), Decimal("-0.2"), Decimal(-1))
    assert found.profit_factor == Decimal("0.7143")
    assert found.expectancy == Decimal("-0.1667")
    assert (found.longest_losing_run, found.max_drawdown_r) == (2, Decimal(3))
    assert (found.claims_agree, found.claims_contradict, found.claims_not_verifiable) == (1, 1, 1)
    assert found.few
    assert [point.r for point in found.equity] == [Decimal(r) for r in ("2", "1", "-0.5", "0", "-1")]


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert track_record(reversed(HISTORY)) == track_record(HISTORY)
    assert track_record(reversed(HISTORY)).equity == track_record(HISTORY).equity


def test_nothing_is_divided_by_nothing() -> None:
    found = track_record([])
    assert (found.hit_rate, found.hit_rate_low, found.average_r, found.median_r) == (None, None, None, None)
    assert (found.profit_factor, found.expectancy, found.entered_share) == (None, None, None)
    assert track_record([signal(1, "1", reached=1)]).profit_factor is None


@pytest.mark.parametrize(
    ("hits", "number", "low", "high"),
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine, 1998, table I
    [
        (81, 263, "0.2553", "0.3662"),
        (15, 148, "0.0624", "0.1605"),
        (0, 20, "0.0000", "0.1611"),
        (1, 29, "0.0061", "0.1718"),
    ],
)
def test_the_interval_is_the_published_one(hits: int, number: int, low: str, high: str) -> None:
    found = track_record([signal(each, "1", reached=int(each < hits)) for each in range(number)])
    assert (found.hit_rate_low, found.hit_rate_high) == (Decimal(low), Decimal(high))


def test_enough_results_are_not_few() -> None:
    assert not track_record([signal(number, "1") for number in range(30)]).few
