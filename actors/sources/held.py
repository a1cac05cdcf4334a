"""Held: durable rows that the gateway still lists, as they were read; a page brings them again."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import SourceMessage, is_same_edition

__all__ = ["Held"]


class Held:
    """Keyed by the gateway's row id, for a message may stand there twice."""

    def __init__(self) -> None:
        self._rows: dict[str, SourceMessage] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[SourceMessage, ...]:
        """All of them."""
        return tuple(self._rows.values())

    def add(self, messages: Iterable[SourceMessage]) -> None:
        """Take durable messages over; one that was read anew takes the place of what was read before."""
        self._rows.update((message.gateway_id, message) for message in messages)

    def release(self, messages: Iterable[SourceMessage]) -> None:
        """Forget what the gateway has marked, unless it was read anew since."""
        for message in messages:
            if self._rows.get(message.gateway_id) == message:
                del self._rows[message.gateway_id]

    def holds(self, message: SourceMessage) -> bool:
        """Return whether this row is durable as it stands: nobody has edited it since it was read."""
        held = self._rows.get(message.gateway_id)
        return held is not None and is_same_edition(held, message)
