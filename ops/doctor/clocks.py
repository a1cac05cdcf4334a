"""Clock skew: compares the clocks of database and gateway with ours, and names the clock that is likely wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.doctor.findings import CheckResult, fail, ok, skipped, warn

__all__ = ["ClockOffsets", "judge_clocks"]

#: a Date header has whole seconds, and a loaded machine answers late, so smaller offsets mean nothing
_WARN_S: Final = 5.0
_FAIL_S: Final = 60.0
_PLACES: Final = ("database", "gateway")


class ClockOffsets:
    """Collects from the families how many seconds each part's clock is ahead of ours."""

    def __init__(self) -> None:
        self._ahead_s: dict[str, float] = {}

    def note(self, place: str, ahead_s: float) -> None:
        """Store the measurement of one part."""
        self._ahead_s[place] = ahead_s

    def judged(self) -> list[CheckResult]:
        """Return a finding for each part."""
        return judge_clocks(dict(self._ahead_s))


def judge_clocks(ahead_s: Mapping[str, float]) -> list[CheckResult]:
    """Return a finding for each part's clock. ``ahead_s`` maps parts to the seconds that they are ahead of ours."""
    return [_judge(place, ahead_s) for place in _PLACES]


def _judge(place: str, ahead_s: Mapping[str, float]) -> CheckResult:
    name = f"clock.{place}"
    if place not in ahead_s:
        return skipped(name, f"the {place} did not report its time")
    skew_s = ahead_s[place]
    if abs(skew_s) <= _WARN_S:
        return ok(name, f"the {place}'s clock agrees with this machine's")
    found = (
        f"the {place}'s clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    )
    others = [other for where, other in ahead_s.items() if where != place]
    if not others:
        remedy = "compare both clocks with a third one and synchronise them by NTP: timedatectl set-ntp true"
    elif all(abs(other - skew_s) <= _WARN_S for other in others):
        remedy = "the others agree, so this machine's clock is wrong: timedatectl set-ntp true here"
    else:
        remedy = f"synchronise the clock of the {place}'s machine by NTP: timedatectl set-ntp true there"
    return (fail if abs(skew_s) > _FAIL_S else warn)(name, found, remedy)
