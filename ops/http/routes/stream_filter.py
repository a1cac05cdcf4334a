"""Which of the new signals a reader of the stream wants."""

from __future__ import annotations

from dataclasses import dataclass

from actors.shown.event_log import LoggedEvent

__all__ = ["StreamFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """Which signals a reader wants, by the same rules as the list."""

    channel: str | None = None
    asset: str | None = None
    signal_type: str | None = None
    side: str | None = None

    def wants(self, event: LoggedEvent) -> bool:
        """Return whether an event is for this reader."""
        return (
            (self.channel is None or event.channel == self.channel)
            and (self.asset is None or event.asset == self.asset.upper())
            and (self.signal_type is None or event.signal_type.lower() == self.signal_type.lower())
            and (self.side is None or event.side == self.side)
        )
