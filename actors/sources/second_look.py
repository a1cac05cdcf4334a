"""The second look: at a gateway that marks without comparing, what was acknowledged is read once more.

An edit that came between our reading and the gateway's marking is marked with it, and no poll shows it again.
Pure: no gateway, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from actors.sources.history import HistoryPass
from engine.model import ChannelMessage, SourceMessage, is_same_edition

__all__ = ["SecondLook", "hull_of", "looks_for"]

#: messages received further apart than this are looked at by themselves: a batch may span years
_GAP = timedelta(hours=1)

Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class SecondLook:
    """A reading of what was received in a span of time.

    ``read`` are rows as they were read, by the gateway's id. ``owner`` is the daemon that had promised this look
    and died before it.
    """

    channel: str
    since: datetime
    until: datetime
    read: dict[str, SourceMessage] = field(default_factory=dict)
    owner: str | None = None
    reading: HistoryPass = field(init=False)

    def __post_init__(self) -> None:
        self.reading = HistoryPass(channel=self.channel, since=self.since, until=self.until)

    def differing(self, page: Sequence[SourceMessage]) -> list[SourceMessage]:
        """Return the rows of a page that are not as they were read, or were not read by us."""
        return [
            row
            for row in page
            if (known := self.read.get(row.gateway_id)) is None or not is_same_edition(row, known)
        ]


def hull_of(messages: Iterable[SourceMessage]) -> Span | None:
    """Return the span in which these were received; one without a time of receipt is left out."""
    received = [m.received_at for m in messages if isinstance(m, ChannelMessage)]
    return (min(received), max(received)) if received else None


def looks_for(channel: str, messages: Iterable[SourceMessage]) -> list[SecondLook]:
    """Return the looks that cover these messages, few however far apart they were received."""
    ordered = sorted((m for m in messages if isinstance(m, ChannelMessage)), key=lambda m: m.received_at)
    groups: list[list[ChannelMessage]] = []
    for message in ordered:
        if groups and message.received_at - groups[-1][-1].received_at <= _GAP:
            groups[-1].append(message)
        else:
            groups.append([message])
    return [
        SecondLook(
            channel=channel,
            since=group[0].received_at,
            until=group[-1].received_at,
            read={row.gateway_id: row for row in group},
        )
        for group in groups
    ]
