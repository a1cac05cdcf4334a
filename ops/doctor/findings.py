"""The result of a check: a name, a status, the finding and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine.safe_text import shown

__all__ = ["CheckResult", "CheckStatus", "broken", "covered", "fail", "ok", "skipped", "warn", "worst"]


class CheckStatus(StrEnum):
    """How a check ended. ``skipped`` means that there is nothing to check here, or that it cannot be reached."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check. ``name`` is ``family.check``. Do not rename it: scripts depend on it."""

    name: str
    status: CheckStatus
    found: str
    remedy: str | None = None

    def as_object(self) -> dict[str, Any]:
        """Return the result as ``--json`` prints it."""
        return {
            "name": self.name,
            "status": self.status.value,
            "found": self.found,
            "remedy": self.remedy,
        }


def ok(name: str, found: str) -> CheckResult:
    """Return the result of a check that found no problem."""
    return CheckResult(name=name, status=CheckStatus.OK, found=found)


def warn(name: str, found: str, remedy: str) -> CheckResult:
    """Return the result of a check that found a problem that does not stop the engine."""
    return CheckResult(name=name, status=CheckStatus.WARN, found=found, remedy=remedy)


def fail(name: str, found: str, remedy: str) -> CheckResult:
    """Return the result of a check that found a problem that stops the engine, now or soon."""
    return CheckResult(name=name, status=CheckStatus.FAIL, found=found, remedy=remedy)


def skipped(name: str, why: str) -> CheckResult:
    """Return the result of a check that was not run."""
    return CheckResult(name=name, status=CheckStatus.SKIPPED, found=why)


def broken(name: str, error: Exception) -> CheckResult:
    """Return the result of a check that raised an unexpected exception."""
    return fail(
        name,
        f"the check raised an exception: {type(error).__name__}: {error}",
        "this is a bug in tp-capital doctor: please report it with this text",
    )


def worst(findings: Iterable[CheckResult]) -> CheckStatus:
    """Return the worst status. Skipped checks do not count."""
    statuses = {finding.status for finding in findings}
    return next(
        (status for status in (CheckStatus.FAIL, CheckStatus.WARN) if status in statuses), CheckStatus.OK
    )


def covered(finding: CheckResult) -> CheckResult:
    """Return the finding with secrets removed and each text on one line. Texts may quote servers."""

    def clean(text: str) -> str:
        return shown(" ".join(text.split()))

    remedy = None if finding.remedy is None else clean(finding.remedy)
    return replace(finding, found=clean(finding.found), remedy=remedy)
