"""The filter of a stream reader."""

from __future__ import annotations

from dataclasses import dataclass

from actors.shown.event_log import LoggedEvent

__all__ = ["StreamFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """Selects the signals that a reader wants, by the rules of the list."""

    channel: str | None = None
    asset: str | None = None
    signal_type: str | None = None
    side: str | None = None

    def wants(self, event: LoggedEvent) -> bool:
        """Return whether the reader wants an event."""
        return (
            (self.channel is None or event.channel == self.channel)
            and (self.asset is None or event.asset == self.asset.upper())
            and (self.signal_type is None or event.signal_type.lower() == self.signal_type.lower())
            and (self.side is None or event.side == self.side)
        )
