"""What the enricher shows to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["EnricherSnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnricherSnapshot:
    """The enricher. It is ``on`` while there are bars. ``written`` counts the signals that it has enriched since its start.

    ``note`` says what is not installed. ``error`` and ``failing_since`` are set while it waits.
    """

    on: bool
    written: int
    note: str | None
    error: str | None
    failing_since: datetime | None
