"""What is sent to the broker and comes from it: plain values, without pika."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Delivery", "Outgoing", "QueueState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish. ``key`` identifies it to whoever must recognise a double."""

    channel: str
    key: str
    body: bytes


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
