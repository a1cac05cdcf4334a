"""The filter of a stream reader."""

from __future__ import annotations

from dataclasses import dataclass

from actors.shown.event_log import LoggedEvent
from ops.http.routes import frames
from storage.postgres.status_filter import StatusFilter

__all__ = ["StreamFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """Selects the signals that a reader wants, by the rules of the list: an empty filter selects all.

    All but ``by_outcome`` select by what never changes.
    """

    channel: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    signal_type: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    by_outcome: StatusFilter | None = None

    def frame_of(self, event: LoggedEvent) -> bytes | None:
        """Return what to send of an event, None for nothing."""
        if not self.wants(event):
            return None
        if self.by_outcome is None or event.kind == "removed" or self.by_outcome.fits(event.outcome):
            return event.frame
        # the reader may have it from before
        return frames.left(event) if event.kind == "updated" else None

    def wants(self, event: LoggedEvent) -> bool:
        """Return whether the reader wants an event, whatever prices say."""
        return (
            (not self.channel or event.channel in self.channel)
            and (not self.asset or event.asset in map(str.upper, self.asset))
            and (not self.signal_type or event.signal_type.lower() in map(str.lower, self.signal_type))
            and (not self.side or event.side in self.side)
        )
