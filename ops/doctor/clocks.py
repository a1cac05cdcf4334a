"""Clock skew: each part's clock against ours, and whose is likely the wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.doctor.findings import CheckResult, fail, ok, skipped, warn

__all__ = ["ClockOffsets", "judge_clocks"]

#: seconds; a Date header has whole ones, and a loaded machine answers late
_WARN_S: Final = 5.0
_FAIL_S: Final = 60.0
_PLACES: Final = ("database", "gateway")


class ClockOffsets:
    """How many seconds each part's clock is ahead of ours, as the families find out."""

    def __init__(self) -> None:
        self._ahead_s: dict[str, float] = {}

    def note(self, place: str, ahead_s: float) -> None:
        """Keep what was measured at one part."""
        self._ahead_s[place] = ahead_s

    def judged(self) -> list[CheckResult]:
        """Return a finding for each part."""
        return judge_clocks(dict(self._ahead_s))


def judge_clocks(ahead_s: Mapping[str, float]) -> list[CheckResult]:
    """Return a finding for each part's clock, out of the seconds it is ahead of ours."""
    return [_judge(place, ahead_s) for place in _PLACES]


def _judge(place: str, ahead_s: Mapping[str, float]) -> CheckResult:
    name = f"clock.{place}"
    if place not in ahead_s:
        return skipped(name, f"the {place} did not tell the time")
    skew_s = ahead_s[place]
    if abs(skew_s) <= _WARN_S:
        return ok(name, f"the {place}'s clock and this machine's agree")
    found = (
        f"the {place}'s clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    )
    others = [other for where, other in ahead_s.items() if where != place]
    if not others:
        remedy = "compare both with a third and keep them by NTP: timedatectl set-ntp true"
    elif all(abs(other - skew_s) <= _WARN_S for other in others):
        remedy = "the others agree, so this machine's clock is wrong: timedatectl set-ntp true here"
    else:
        remedy = f"keep the clock of the {place}'s machine by NTP: timedatectl set-ntp true there"
    return (fail if abs(skew_s) > _FAIL_S else warn)(name, found, remedy)
