"""What a check found: a name, a status, the finding in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine.shown import shown

__all__ = ["CheckResult", "CheckStatus", "broken", "covered", "fail", "ok", "skipped", "warn", "worst"]


class CheckStatus(StrEnum):
    """How a check ended. ``skipped``: it has no object here, or what it looks at cannot be reached."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check. ``name`` is ``family.check`` and stays as it is: scripts look for it."""

    name: str
    status: CheckStatus
    found: str
    remedy: str | None = None

    def as_object(self) -> dict[str, Any]:
        """Return what ``--json`` prints of it."""
        return {
            "name": self.name,
            "status": self.status.value,
            "found": self.found,
            "remedy": self.remedy,
        }


def ok(name: str, found: str) -> CheckResult:
    """All is as it should be."""
    return CheckResult(name=name, status=CheckStatus.OK, found=found)


def warn(name: str, found: str, remedy: str) -> CheckResult:
    """It works, but somebody should know."""
    return CheckResult(name=name, status=CheckStatus.WARN, found=found, remedy=remedy)


def fail(name: str, found: str, remedy: str) -> CheckResult:
    """It does not work, or will not soon."""
    return CheckResult(name=name, status=CheckStatus.FAIL, found=found, remedy=remedy)


def skipped(name: str, why: str) -> CheckResult:
    """The check was not made."""
    return CheckResult(name=name, status=CheckStatus.SKIPPED, found=why)


def broken(name: str, error: Exception) -> CheckResult:
    """The check itself has a bug."""
    return fail(
        name,
        f"the check broke off: {type(error).__name__}: {error}",
        "this is a fault of tp-capital doctor: please report it with these words",
    )


def worst(findings: Iterable[CheckResult]) -> CheckStatus:
    """Return the worst status; what was skipped says nothing."""
    statuses = {finding.status for finding in findings}
    return next(
        (status for status in (CheckStatus.FAIL, CheckStatus.WARN) if status in statuses), CheckStatus.OK
    )


def covered(finding: CheckResult) -> CheckResult:
    """Return the finding as it may be shown, whoever's words are in it, on one line."""

    def clean(text: str) -> str:
        return shown(" ".join(text.split()))

    remedy = None if finding.remedy is None else clean(finding.remedy)
    return replace(finding, found=clean(finding.found), remedy=remedy)
