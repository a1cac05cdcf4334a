"""The calls that a gateway allows, shared by all channels and spread over its window (fault 47)."""

from __future__ import annotations

import heapq
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from storage.gateway.quota import Quota, read_quota

CALLS, WINDOW_S = 300, 60.0


@dataclass
class Gateway:
    """Counts calls in fixed windows, as express-rate-limit does."""

    window: int = -1
    used: int = 0
    refused: int = 0
    by_minute: dict[int, int] = field(default_factory=dict)

    def call(self, now_s: float) -> tuple[bool, int, float]:
        window = int(now_s // WINDOW_S)
        if window != self.window:
            self.window, self.used = window, 0
        self.used += 1
        left_s = (window + 1) * WINDOW_S - now_s
        if self.used > CALLS:
            self.refused += 1
            return False, 0, left_s
        self.by_minute[window] = self.by_minute.get(window, 0) + 1
        return True, CALLS - self.used, left_s


def simulate(
    channels: int, interval_s: float, *, minutes: int = 10, acks: bool = False
) -> tuple[Gateway, list[float]]:
    """Return the gateway and the gaps between polls of a channel; every third poll is acknowledged where asked."""
    gateway, quota = Gateway(), Quota()
    due = [(index * interval_s / channels + 7.3, index) for index in range(channels)]
    heapq.heapify(due)
    last: dict[int, float] = {}
    gaps: list[float] = []
    polls = 0
    while due[0][0] < minutes * WINDOW_S:
        now_s, channel = heapq.heappop(due)
        if (wait_s := quota.wait_s(channel, now_s)) > 0:
            heapq.heappush(due, (now_s + wait_s, channel))
            continue
        taken, left, window_s = gateway.call(now_s)
        quota.heard(left, float(round(window_s)) or 1.0, now_s)
        if taken:
            polls += 1
            if channel in last:
                gaps.append(now_s - last[channel])
            last[channel] = now_s
            if acks and polls % 3 == 0:
                quota.spend(now_s)
                _, left, window_s = gateway.call(now_s)
                quota.heard(left, float(round(window_s)) or 1.0, now_s)
        heapq.heappush(due, (now_s + interval_s, channel))
    return gateway, gaps


@pytest.mark.parametrize("acks", [False, True], ids=["polls", "and acknowledgements"])
@pytest.mark.parametrize(("channels", "interval_s"), [(25, 5.0), (3, 0.1), (1, 5.0)])
def test_fault_47_polls_of_all_channels_are_spread_over_the_window(
    channels: int, interval_s: float, *, acks: bool
) -> None:
    gateway, gaps = simulate(channels, interval_s, acks=acks)
    fair_s = max(interval_s, channels * WINDOW_S / CALLS * (4 / 3 if acks else 1))
    assert statistics.quantiles(gaps, n=20)[-1] < 2 * fair_s
    assert max(gaps) < 4 * fair_s + 1, "nobody is passed over"
    assert len(gateway.by_minute) == 10
    assert min(list(gateway.by_minute.values())[1:-1]) > 0.7 * min(CALLS, channels * WINDOW_S / interval_s)


def test_without_a_word_of_the_gateway_nobody_waits() -> None:
    quota = Quota()
    assert [quota.wait_s(caller, 0.0) for caller in range(1000)] == [0.0] * 1000


def test_nothing_left_means_after_the_window_and_in_order() -> None:
    quota = Quota()
    quota.heard(0, 10, 100.0)
    assert quota.wait_s("a", 100.0) == 10
    quota.heard(0, 20, 100.0)
    assert quota.wait_s("a", 101.0) > 9
    assert quota.wait_s("a", 131.0) == 0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"RateLimit-Limit": "300", "RateLimit-Remaining": "12", "RateLimit-Reset": "34"}, (12, 34.0)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset-After": "34"}, (12, 34.0)),
        ({"RateLimit": "limit=300, remaining=12, reset=34"}, (12, 34.0)),
        ({"RateLimit": '"default";r=12;t=34'}, (12, 34.0)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "34"}, (12, 34.0)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1762952705"}, (12, 34.0)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1762952705.5"}, (12, 34.5)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1762952705000"}, (12, 34.0)),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1762952600"}, (12, 0.0)),
        # the gateway's clock is a minute behind ours
        (
            {
                "X-RateLimit-Remaining": "12",
                "X-RateLimit-Reset": "1762952645",
                "Date": "Wed, 12 Nov 2025 13:03:31 GMT",
            },
            (12, 34.0),
        ),
        (
            {"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1762952705", "Date": "yesterday"},
            (12, 34.0),
        ),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "5000000"}, None),
        ({"RateLimit-Remaining": "-1", "RateLimit-Reset": "x"}, None),
        ({"RateLimit-Remaining": "9" * 5000, "RateLimit-Reset": "5"}, None),
        ({}, None),
    ],
)
def test_fault_47_the_headers_of_a_quota(headers: dict[str, str], expected: tuple[int, float] | None) -> None:
    now = datetime(2025, 11, 12, 13, 4, 31, tzinfo=UTC)
    assert read_quota(CaseInsensitiveDict(headers), now=now) == expected
