"""Publishes messages with publisher confirms, in order. A batch is done when the broker has confirmed all of it."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika.channel import Channel
from pika.spec import Basic

from storage.broker.topology import MESSAGES, broker_error, connection_parameters
from storage.broker.values import Outgoing
from storage.errors import BrokerError

__all__ = ["ConfirmedPublisher"]

#: the broker answers nothing for so long: the connection is given up. Time in which it blocks us does not count
_SILENT_S = 20.0
_CLOSE_S = 2.0
#: how often a waiting call looks whether it is to stop
_LOOK_S = 0.5


class ConfirmedPublisher:
    """One publishing connection, made at the first batch and again after each failure. One thread uses it.

    When ``stop`` is set, a running call and all later ones end with an error. So does a call that lasts ``longest_s``
    seconds; without a limit it waits while the broker blocks it.
    """

    def __init__(
        self,
        url: str,
        *,
        exchange: str = MESSAGES,
        stop: threading.Event | None = None,
        longest_s: float = math.inf,
    ) -> None:
        self._url = url
        self._exchange = exchange
        self._longest_s = longest_s
        self._line: _ConfirmedLine | None = None
        self._stop = stop or threading.Event()

    @property
    def blocked(self) -> str | None:
        """Why the broker takes no messages now (an alarm of memory or disk), or None."""
        line = self._line
        return line.blocked if line is not None else None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish a batch and wait until the broker has confirmed every message of it.

        Raises:
            BrokerError: it has not. Some of the messages may have arrived: publish all of them again.
        """
        if self._line is None:
            self._line = _ConfirmedLine(self._url, self._exchange, self._stop)
        try:
            self._line.publish(messages, time.monotonic() + self._longest_s)
        except BrokerError:
            self._line.close()
            self._line = None
            raise

    def close(self) -> None:
        """Close the connection. No call may be running."""
        if self._line is not None:
            self._line.close()
            self._line = None


class _ConfirmedLine:
    """One connection on a thread of its own. pika is not safe for threads, so everything it does is done there."""

    def __init__(self, url: str, exchange: str, stop: threading.Event) -> None:
        self._exchange = exchange
        self._stop = stop
        self._changed = threading.Condition()
        self._channel: Channel | None = None
        self._failure: BrokerError | None = None
        self._next_tag = 1
        self._unconfirmed: set[int] = set()
        self._heard_s = time.monotonic()
        self.blocked: str | None = None
        self._connection = pika.SelectConnection(
            connection_parameters(url),
            on_open_callback=self._on_open,
            on_open_error_callback=lambda _, error: self._over(error),
            on_close_callback=lambda _, error: self._over(error),
        )
        self._connection.add_on_connection_blocked_callback(
            lambda _, frame: self._block(str(frame.method.reason))
        )
        self._connection.add_on_connection_unblocked_callback(lambda *_: self._block(None))
        self._thread = threading.Thread(target=self._run, name="broker-publisher", daemon=True)
        self._thread.start()

    # ── the caller's thread ──────────────────────────────────────────────────

    def publish(self, messages: Sequence[Outgoing], until_s: float) -> None:
        """Publish and wait. See :meth:`ConfirmedPublisher.publish`."""
        self._wait(lambda: self._channel is not None, until_s)
        with self._changed:
            first, self._next_tag = self._next_tag, self._next_tag + len(messages)
            self._unconfirmed.update(range(first, self._next_tag))
        self._connection.ioloop.add_callback_threadsafe(functools.partial(self._send, messages))
        self._wait(lambda: not self._unconfirmed, until_s)

    def _wait(self, ready: Callable[[], bool], until_s: float) -> None:
        self._heard_s = time.monotonic()
        with self._changed:
            while self._failure is not None or not ready():
                if self._failure is not None:
                    raise self._failure
                if self._stop.is_set():
                    raise BrokerError("the publisher was stopped")
                if self.blocked is None and time.monotonic() - self._heard_s > _SILENT_S:
                    raise BrokerError(f"the broker confirmed nothing for {_SILENT_S:g} s")
                if time.monotonic() > until_s:
                    raise BrokerError(f"the broker takes no messages: {self.blocked or 'it confirms none'}")
                self._changed.wait(_LOOK_S)

    def close(self) -> None:
        """End the connection. What the broker has not confirmed counts as not sent."""
        self._connection.ioloop.add_callback_threadsafe(self._end)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._connection.ioloop.close()

    # ── the connection's thread ──────────────────────────────────────────────

    def _run(self) -> None:
        try:
            self._connection.ioloop.start()
        except Exception as error:  # noqa: BLE001 - whatever ends this thread, the caller must hear of it
            self._fail(error)

    def _end(self) -> None:
        if self._connection.is_open:
            self._connection.close()
        else:
            self._connection.ioloop.stop()

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(lambda _, error: self._fail(error))
        channel.exchange_declare(
            self._exchange,
            "topic",
            durable=True,
            callback=lambda _: channel.confirm_delivery(
                self._on_confirm, callback=lambda _: self._ready(channel)
            ),
        )

    def _ready(self, channel: Channel) -> None:
        with self._changed:
            self._channel = channel
            self._changed.notify_all()

    def _send(self, messages: Sequence[Outgoing]) -> None:
        assert self._channel is not None  # noqa: S101 - publish() waited for it
        for message in messages:
            self._channel.basic_publish(
                self._exchange,
                message.routing_key,
                message.body,
                pika.BasicProperties(
                    content_type=message.content_type,
                    delivery_mode=pika.DeliveryMode.Persistent,
                    headers=dict(message.headers),
                ),
            )

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if isinstance(method, Basic.Nack):
            self._fail(BrokerError("the broker refused a message"))
            return
        with self._changed:
            self._heard_s = time.monotonic()
            if method.multiple:
                self._unconfirmed = {tag for tag in self._unconfirmed if tag > method.delivery_tag}
            else:
                self._unconfirmed.discard(method.delivery_tag)
            self._changed.notify_all()

    def _block(self, reason: str | None) -> None:
        with self._changed:
            self.blocked, self._heard_s = reason, time.monotonic()
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or (
                error if isinstance(error, BrokerError) else broker_error(error)
            )
            self._changed.notify_all()

    def _over(self, error: BaseException) -> None:
        """Take the end of the connection. Its channel ends before."""
        self._fail(error)
        self._connection.ioloop.stop()
