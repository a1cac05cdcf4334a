"""The filter of a stream reader."""

from __future__ import annotations

from dataclasses import dataclass

from actors.shown.event_log import LoggedEvent

__all__ = ["StreamFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """Selects the signals that a reader wants, by the rules of the list: an empty filter selects all."""

    channel: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    signal_type: tuple[str, ...] = ()
    side: tuple[str, ...] = ()

    def wants(self, event: LoggedEvent) -> bool:
        """Return whether the reader wants an event."""
        return (
            (not self.channel or event.channel in self.channel)
            and (not self.asset or event.asset in map(str.upper, self.asset))
            and (not self.signal_type or event.signal_type.lower() in map(str.lower, self.signal_type))
            and (not self.side or event.side in self.side)
        )
