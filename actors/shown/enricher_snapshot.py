"""What the enricher shows to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["EnricherSnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnricherSnapshot:
    """The enricher. It is ``on`` while there are bars. ``bars_until`` is when the newest of all closed.

    ``behind_s`` is the time from the commit up to which signals were enriched to the newest one, None where another daemon
    enriches. ``written`` counts the signals that it has enriched since its start, ``failures`` what it could not do at once,
    and ``processes`` the starts of the process that computes indicators. ``note`` says what is not installed. ``error`` and
    ``failing_since`` are set while it waits; ``error`` also from a failed training of the score, or a model that cannot be read, until the next one.
    """

    on: bool
    bars_until: datetime | None
    behind_s: float | None
    written: int
    failures: int
    processes: int
    note: str | None
    error: str | None
    failing_since: datetime | None
