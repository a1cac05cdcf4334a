"""How an attempt to send an alert ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["AlertingUnavailableError", "Attempt", "Verdict", "bounded_wait_s", "is_refusal"]

#: what is worth another try although the target answered
_MAY_PASS = frozenset({408, 425, 429})
#: a target may ask for a pause of at most this length
_LONGEST_WAIT_S = 6 * 3600.0


class Verdict(Enum):
    """What an attempt means for the alert and its target."""

    SENT = "sent"
    #: the target is away, slow or broken; the same request may work later
    FAILED = "failed"
    #: the target is well and does not want this request; it hardly will later
    REFUSED = "refused"
    #: the target says that it is no longer there
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The end of one attempt, and why. ``wait_s``: the target wants no request for so long."""

    verdict: Verdict
    reason: str | None = None
    wait_s: float | None = None


def is_refusal(status: int) -> bool:
    """Return whether an answer means that the target does not want this request. Redirects are not followed."""
    return 300 <= status < 500 and status not in _MAY_PASS


def bounded_wait_s(asked_s: float | None) -> float | None:
    """Return how long to leave a target alone that asks for a pause."""
    return None if asked_s is None else min(max(asked_s, 0.0), _LONGEST_WAIT_S)


class AlertingUnavailableError(Exception):
    """The packages of the extra ``alerts`` are not installed. The text says what to do."""

    def __init__(self) -> None:
        super().__init__("install the extra `alerts`: pip install 'tp-capital[alerts]'")
