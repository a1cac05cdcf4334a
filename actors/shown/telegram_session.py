"""What the gateway says of its own reader of Telegram."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from actors.shown.snapshots import PollerSnapshot

__all__ = ["session_trouble"]

_NEVER = datetime.min.replace(tzinfo=UTC)


def session_trouble(pollers: Iterable[PollerSnapshot]) -> str | None:
    """Return why Telegram is not read, or not all of it; an empty text if it is, None if the gateway does not say it.

    The pollers ask one gateway, so its newest answer counts.
    """
    said = [poller for poller in pollers if poller.telegram_session is not None]
    if not said:
        return None
    newest = max(said, key=lambda poller: poller.last_success_at or _NEVER)
    status, _, cause = (newest.telegram_session or "").partition("; ")
    return "" if status == "healthy" else cause or status
