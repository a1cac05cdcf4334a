"""What is sent to the broker and comes from it: plain values, without pika."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EVENTS", "Delivery", "Outgoing", "QueueState", "channel_of", "message_key", "telegram_message"]

#: the exchange that the engine's own events go to: topic, durable, routing key ``<type>.<channel>``
EVENTS = "tp-capital.events"
#: the form of a Telegram message's body, in the header ``schemaVersion``
SCHEMA_VERSION = 1
_KEY = "message."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish."""

    routing_key: str
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of the queue. ``tag`` numbers the deliveries of one connection.

    ``channel`` is the one of its routing key; None for a message that was put into the queue another way.
    """

    tag: int
    channel: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """The queue as the broker counts it: messages that wait, its consumers, and its dead letters."""

    waiting: int
    consumers: int
    dead: int


def telegram_message(channel: str, key: str, body: bytes) -> Outgoing:
    """Return a message of a gateway. ``key`` identifies it to whoever must recognise a double."""
    headers: dict[str, str | int] = {"schemaVersion": SCHEMA_VERSION, "messageKey": key}
    return Outgoing(routing_key=message_key(channel), body=body, headers=headers)


def message_key(channel: str) -> str:
    """Return the routing key of a channel's messages."""
    return _KEY + channel


def channel_of(routing_key: str) -> str | None:
    """Return the channel of a routing key, or None for a key of another form."""
    return routing_key.removeprefix(_KEY) if routing_key.startswith(_KEY) else None
