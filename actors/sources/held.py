"""Held: durable rows, as they were read, that the gateway may still list and return again."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import SourceMessage, is_same_edition

__all__ = ["Held"]


class Held:
    """Held rows by the gateway's row id, because one message may have two rows."""

    def __init__(self) -> None:
        self._rows: dict[str, SourceMessage] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[SourceMessage, ...]:
        """All held rows."""
        return tuple(self._rows.values())

    def add(self, messages: Iterable[SourceMessage]) -> None:
        """Add durable messages. A message that was reread replaces the earlier reading."""
        self._rows.update((message.gateway_id, message) for message in messages)

    def release(self, messages: Iterable[SourceMessage]) -> None:
        """Remove rows that the gateway has marked, unless they were reread since."""
        for message in messages:
            if self._rows.get(message.gateway_id) == message:
                del self._rows[message.gateway_id]

    def holds(self, message: SourceMessage) -> bool:
        """Return whether this row is durable in this form. It is not if it was edited since it was read."""
        held = self._rows.get(message.gateway_id)
        return held is not None and is_same_edition(held, message)
