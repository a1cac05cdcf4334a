"""Reads the queue of messages. Each reader has a connection of its own, on a thread of its own.

Several readers of one queue share its messages. What a reader has not acknowledged when its connection ends, the broker
gives to another one.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.spec import Basic, BasicProperties

from storage.broker.topology import (
    BROKER_FAILURES,
    DEAD,
    MESSAGES,
    broker_error,
    connection_parameters,
    declare_queue,
)
from storage.broker.values import Delivery, QueueState, channel_of, message_key
from storage.errors import BrokerError

__all__ = ["Listener", "QueueReader"]

#: how often the broker is asked for the state of the queue. The answer also shows that it is alive
LOOK_EVERY_S = 2.0

Work = Callable[[BlockingChannel], object]

log = structlog.get_logger("broker")


class Listener(Protocol):
    """Who is told what the reader hears. The calls come from the reader's thread."""

    def delivered(self, deliveries: tuple[Delivery, ...]) -> None:
        """Take messages, in the order of the queue."""

    def seen(self, state: QueueState) -> None:
        """Take the state of the queue. The first one says that the reader is connected."""

    def lost(self, error: BrokerError) -> None:
        """Take the end of the connection. It is the last call."""


class QueueReader:
    """One connection: made by :meth:`start`, and over for good when ``lost`` is called or :meth:`close` returns.

    ``prefetch`` is the largest number of messages that are delivered and not yet acknowledged.
    """

    def __init__(self, url: str, *, queue: str, prefetch: int, listener: Listener) -> None:
        self._url = url
        self._queue = queue
        self._prefetch = prefetch
        self._listener = listener
        self._work: deque[Work] = deque()
        self._arrived: list[Delivery] = []
        self._closing = threading.Event()
        self._connection: pika.BlockingConnection | None = None
        self._thread = threading.Thread(target=self._run, name="broker-reader", daemon=True)

    # ── any thread ───────────────────────────────────────────────────────────

    def start(self) -> None:
        """Connect, and begin to read."""
        self._thread.start()

    def bind(self, channels: Iterable[str]) -> None:
        """Have the messages of these channels brought into the queue."""
        for key in map(message_key, channels):
            self._do(functools.partial(_bind, self._queue, key))

    def unbind(self, channels: Iterable[str]) -> None:
        """Have no more messages of these channels brought. Those in the queue stay."""
        for key in map(message_key, channels):
            self._do(functools.partial(_unbind, self._queue, key))

    def acknowledge(self, tag: int) -> None:
        """Acknowledge this delivery and all before it. They are durable."""
        self._do(lambda channel: channel.basic_ack(tag, multiple=True))

    def close(self, *, wait_s: float = 0.0) -> None:
        """End the connection after the work that was asked for. A broker that hangs is left to the heartbeat."""
        self._closing.set()
        self._wake()
        if wait_s:
            self._thread.join(wait_s)

    def _do(self, work: Work) -> None:
        self._work.append(work)
        self._wake()

    def _wake(self) -> None:
        connection = self._connection
        if connection is not None:
            # If it has just ended, the thread is about to report that.
            with suppress(AMQPError):
                connection.add_callback_threadsafe(_nothing)

    # ── the reader's thread ──────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            self._read()
        except BrokerError as error:
            self._listener.lost(error)
        except BROKER_FAILURES as error:
            self._listener.lost(broker_error(error))
        except Exception as error:
            log.exception("broker.reader_failed")
            self._listener.lost(broker_error(error))
        else:
            self._listener.lost(BrokerError("the connection was closed here"))

    def _read(self) -> None:
        connection = self._connection = pika.BlockingConnection(connection_parameters(self._url))
        try:
            channel = connection.channel()
            declare_queue(channel, self._queue)
            channel.basic_qos(prefetch_count=self._prefetch)
            channel.basic_consume(self._queue, self._on_message)
            look_s = 0.0
            while channel.is_open:
                while self._work:
                    self._work.popleft()(channel)
                if self._closing.is_set():
                    return
                if time.monotonic() >= look_s:
                    self._listener.seen(self._state(channel))
                    look_s = time.monotonic() + LOOK_EVERY_S
                connection.process_data_events(time_limit=max(0.0, look_s - time.monotonic()))
                self._pass_on()
            raise BrokerError("the broker closed the channel")
        finally:
            if connection.is_open:
                connection.close()

    def _state(self, channel: BlockingChannel) -> QueueState:
        if not channel.consumer_tags:
            raise BrokerError(f"the queue {self._queue} was deleted")
        found = channel.queue_declare(self._queue, passive=True).method
        dead = channel.queue_declare(self._queue + DEAD, passive=True).method
        return QueueState(
            waiting=found.message_count, consumers=found.consumer_count, dead=dead.message_count
        )

    def _on_message(
        self, _channel: BlockingChannel, method: Basic.Deliver, _properties: BasicProperties, body: bytes
    ) -> None:
        self._arrived.append(
            Delivery(tag=method.delivery_tag or 0, channel=channel_of(method.routing_key or ""), body=body)
        )

    def _pass_on(self) -> None:
        if self._arrived:
            arrived, self._arrived = tuple(self._arrived), []
            self._listener.delivered(arrived)


def _bind(queue: str, key: str, channel: BlockingChannel) -> None:
    channel.queue_bind(queue, MESSAGES, key)


def _unbind(queue: str, key: str, channel: BlockingChannel) -> None:
    channel.queue_unbind(queue, MESSAGES, key)


def _nothing() -> None:
    """Do nothing: the call only ends a wait."""
