"""What the gateway says of its own reader of Telegram."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from actors.shown.snapshots import PollerSnapshot

__all__ = ["session_is_lost", "session_trouble"]

_NEVER = datetime.min.replace(tzinfo=UTC)


def session_trouble(pollers: Iterable[PollerSnapshot]) -> str | None:
    """Return why Telegram is not read, or not all of it; an empty text if it is, None if the gateway does not say it."""
    if (said := _newest(pollers)) is None:
        return None
    status, _, cause = said.partition("; ")
    return "" if status == "healthy" else cause or status


def session_is_lost(pollers: Iterable[PollerSnapshot]) -> bool:
    """Return whether a person must act. A wait passes, and a channel that was not joined is no lost session."""
    return (_newest(pollers) or "").startswith("unhealthy")


def _newest(pollers: Iterable[PollerSnapshot]) -> str | None:
    """Return what the gateway said last. All pollers ask the same one."""
    said = [poller for poller in pollers if poller.telegram_session is not None]
    return max(said, key=lambda poller: poller.last_success_at or _NEVER).telegram_session if said else None
