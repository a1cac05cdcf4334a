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
from storage.broker.topology import MESSAGES, connection_parameters, message_key
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
        self._channel.cancel()
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

    @contextlib.contextmanager
    def tap(self, *channels: str) -> Iterator[Tap]:
        """Yield a queue that is bound to these channels from now on."""
        with self.channel() as channel:
            queue = f"tap-{uuid.uuid4().hex}"
            channel.exchange_declare(MESSAGES, "topic", durable=True)
            channel.queue_declare(queue, exclusive=True)
            for name in channels:
                channel.queue_bind(queue, MESSAGES, message_key(name))
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

    def control(self, *words: str) -> None:
        """Run ``rabbitmqctl`` at this node."""
        subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", *words],
            env=self.server.environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
