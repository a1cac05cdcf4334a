"""What a check found: a name, a status, the finding in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine.shown import shown

__all__ = ["Finding", "Status", "broken", "covered", "fail", "ok", "skipped", "warn", "worst"]


class Status(StrEnum):
    """How a check ended. ``skipped``: it has no object here, or what it looks at cannot be reached."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check. ``name`` is ``family.check`` and stays as it is: scripts look for it."""

    name: str
    status: Status
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


def ok(name: str, found: str) -> Finding:
    """All is as it should be."""
    return Finding(name=name, status=Status.OK, found=found)


def warn(name: str, found: str, remedy: str) -> Finding:
    """It works, but somebody should know."""
    return Finding(name=name, status=Status.WARN, found=found, remedy=remedy)


def fail(name: str, found: str, remedy: str) -> Finding:
    """It does not work, or will not soon."""
    return Finding(name=name, status=Status.FAIL, found=found, remedy=remedy)


def skipped(name: str, why: str) -> Finding:
    """The check was not made."""
    return Finding(name=name, status=Status.SKIPPED, found=why)


def broken(name: str, error: Exception) -> Finding:
    """The check itself has a bug."""
    return fail(
        name,
        f"the check broke off: {type(error).__name__}: {error}",
        "this is a fault of tp-capital doctor: please report it with these words",
    )


def worst(findings: Iterable[Finding]) -> Status:
    """Return the worst status; what was skipped says nothing."""
    statuses = {finding.status for finding in findings}
    return next((status for status in (Status.FAIL, Status.WARN) if status in statuses), Status.OK)


def covered(finding: Finding) -> Finding:
    """Return the finding as it may be shown, whoever's words are in it, on one line."""

    def clean(text: str) -> str:
        return shown(" ".join(text.split()))

    remedy = None if finding.remedy is None else clean(finding.remedy)
    return replace(finding, found=clean(finding.found), remedy=remedy)
