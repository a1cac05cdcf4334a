"""Messages to reread. They are requested once a minute, page after page until none is left."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import SourceMessage

__all__ = ["Rereads"]


class Rereads:
    """Decides whether a poll asks for messages to reread. ``due``: it should soon."""

    def __init__(self) -> None:
        self.due = False
        self._had_turn = False
        self._page: frozenset[str] = frozenset()

    def take_turn(self) -> bool:
        """Return whether this poll asks for messages to reread. Between two such polls one asks for new messages."""
        self._had_turn = self.due and not self._had_turn
        self.due &= not self._had_turn
        return self._had_turn

    def read(self, page: Iterable[SourceMessage], *, full: bool) -> None:
        """Record a page of messages to reread.

        After a full page more messages wait. A full page with only messages of the page before is an exception: the
        gateway does not take them off its list, so an immediate request would return them for ever.
        """
        ids = frozenset(message.gateway_id for message in page)
        self.due |= full and not ids <= self._page
        self._page = ids
