"""Commits told over RabbitMQ: a fanout exchange, and a queue of each process that lives as long as its connection."""

from __future__ import annotations

import functools
import threading
from contextlib import suppress

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.spec import Basic, BasicProperties

from storage.bell_line import Heard
from storage.broker.topology import BROKER_FAILURES, broker_error, connection_parameters
from storage.errors import BrokerError

__all__ = ["BrokerBell"]

#: how long one wait lasts; only the end of the process is noticed late by it
_WAIT_S = 2.0


class BrokerBell:
    """One connection, which the listening thread serves; ``exchange`` is the fanout exchange."""

    def __init__(self, url: str, *, exchange: str) -> None:
        self._url = url
        self._exchange = exchange
        self._line: tuple[pika.BlockingConnection, BlockingChannel] | None = None
        self._closed = threading.Event()

    def ring(self, text: bytes) -> None:
        """Tell all processes, as soon as the listening thread gets to it."""
        line = self._line
        if line is None:
            raise BrokerError("the broker: not connected")
        connection, channel = line
        try:
            connection.add_callback_threadsafe(
                functools.partial(channel.basic_publish, self._exchange, "", text)
            )
        except AMQPError as error:
            raise broker_error(error) from error

    def listen(self, heard: Heard) -> None:
        """Pass on what processes tell."""

        def on_message(
            _channel: BlockingChannel, _method: Basic.Deliver, _properties: BasicProperties, body: bytes
        ) -> None:
            heard(body)

        try:
            connection = pika.BlockingConnection(connection_parameters(self._url))
            try:
                channel = connection.channel()
                channel.exchange_declare(self._exchange, "fanout")
                # only the newest number matters
                queue = channel.queue_declare("", exclusive=True, arguments={"x-max-length": 1}).method.queue
                channel.queue_bind(queue, self._exchange)
                channel.basic_consume(queue, on_message, auto_ack=True)
                self._line = connection, channel
                heard(None)
                while channel.is_open and not self._closed.is_set():
                    connection.process_data_events(time_limit=_WAIT_S)
            finally:
                self._line = None
                if connection.is_open:
                    connection.close()
        except BROKER_FAILURES as error:
            raise broker_error(error) from error

    def close(self) -> None:
        """Have the listener return."""
        self._closed.set()
        if (line := self._line) is not None:
            with suppress(AMQPError):
                line[0].add_callback_threadsafe(lambda: None)
