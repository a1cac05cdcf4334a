"""The second look: rereads acknowledged messages, at a gateway that marks them without comparing their text.

A message may be edited after we read it and before the gateway marks it. Then the edit is marked as processed too,
and no poll returns it. Pure: no gateway, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from actors.sources.history import HistoryPass
from engine.model import ChannelMessage, SourceMessage, is_same_edition

__all__ = ["SecondLook", "looks_for", "span_of"]

#: messages received further apart than this get separate looks, because a batch may span years
_GAP = timedelta(hours=1)

Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class SecondLook:
    """A second reading of the messages that were received in a time span.

    ``read`` holds rows as they were read first, by the gateway's id. ``owner`` is the dead daemon whose promise
    is deleted after this look; None deletes no promise.
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
        """Return the rows of a page that differ from the first reading, or that we did not read."""
        return [
            row
            for row in page
            if (known := self.read.get(row.gateway_id)) is None or not is_same_edition(row, known)
        ]


def span_of(messages: Iterable[SourceMessage]) -> Span | None:
    """Return the span in which these messages were received. Malformed messages have no time and are left out."""
    received = [m.received_at for m in messages if isinstance(m, ChannelMessage)]
    return (min(received), max(received)) if received else None


def looks_for(channel: str, messages: Iterable[SourceMessage]) -> list[SecondLook]:
    """Return few looks that cover these messages without covering the long gaps between them."""
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
