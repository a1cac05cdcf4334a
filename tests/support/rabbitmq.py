"""A RabbitMQ node for the tests, and a queue of a test's own."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika

from ops.local.ports import HOST, free_port
from ops.local.rabbitmq import RabbitPorts, RabbitServer
from storage.broker.topology import MESSAGES, connection_parameters
from storage.broker.values import EVENTS, message_key
from tests.support.servers import need_program

__all__ = ["Broker", "Tap"]


class Tap:
    """A queue that gets a copy of what is published for some channels."""

    def __init__(self, channel: Any, queue: str) -> None:
        self._channel = channel
        self._queue = queue

    def take(
        self, count: int, *, deadline_s: float = 45.0
    ) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return the next messages: routing key, headers, body. Fewer, when no more come in time."""
        taken = []
        for method, properties, body in self._channel.consume(
            self._queue, auto_ack=True, inactivity_timeout=deadline_s
        ):
            if method is None:
                break
            taken.append((method.routing_key, properties.headers, json.loads(body)))
            if len(taken) == count:
                break
        # The consumer is left there: to cancel it would lose what it has been sent since.
        return taken


class Broker:
    """A running node. Each test uses channels and queues of its own on it."""

    def __init__(self, folder: Path) -> None:
        need_program("rabbitmqctl")
        self.port = free_port()
        ports = RabbitPorts(amqp=self.port, distribution=free_port(), epmd=free_port())
        self.server = RabbitServer(folder, ports, password=secrets.token_hex(8))
        self.url = self.server.url

    def url_through(self, port: int) -> str:
        """Return the address by way of a proxy."""
        return self.url.replace(f"{HOST}:{self.port}", f"{HOST}:{port}")

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        """Yield a channel of a connection."""
        parameters = connection_parameters(self.url)
        parameters.heartbeat = 0  # a test leaves it alone for a while
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            connection.close()

    def tap(self, *channels: str) -> contextlib.AbstractContextManager[Tap]:
        """Yield a queue that gets the messages of these channels from now on."""
        return self._tap(MESSAGES, *map(message_key, channels))

    def event_tap(self, *keys: str) -> contextlib.AbstractContextManager[Tap]:
        """Yield a queue that gets the events of these routing keys from now on."""
        return self._tap(EVENTS, *keys)

    @contextlib.contextmanager
    def _tap(self, exchange: str, *keys: str) -> Iterator[Tap]:
        with self.channel() as channel:
            queue = f"tap-{uuid.uuid4().hex}"
            channel.exchange_declare(exchange, "topic", durable=True)
            channel.queue_declare(queue, exclusive=True)
            for key in keys:
                channel.queue_bind(queue, exchange, key)
            yield Tap(channel, queue)

    def publish(self, routing_key: str, *bodies: bytes, exchange: str = MESSAGES) -> None:
        """Publish bodies as they are."""
        with self.channel() as channel:
            channel.confirm_delivery()
            for body in bodies:
                channel.basic_publish(exchange, routing_key, body)

    def waiting(self, queue: str) -> int:
        """Return how many messages are ready in a queue."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def control(self, *words: str) -> str:
        """Run ``rabbitmqctl`` at this node, and return what it prints."""
        done = subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", *words],
            env=self.server.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout
