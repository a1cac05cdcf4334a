"""What the broker holds: the exchange of messages, the queue of one database's engines, and its dead letters."""

from __future__ import annotations

import logging
import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError

from storage.errors import BrokerError

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

__all__ = [
    "BROKER_FAILURES",
    "DEAD",
    "DELIVERY_LIMIT",
    "MESSAGES",
    "broker_error",
    "connection_parameters",
    "declare_queue",
    "queue_arguments",
]

#: the exchange that gateways publish to: topic, durable, routing key ``message.<channel>``
MESSAGES = "telegram.messages"
#: a queue's dead letters stand in the queue of its name and this end; the exchange that brings them has the same name
DEAD = ".dead"
#: RabbitMQ 4 drops a message after 20 redeliveries unless the queue says otherwise. A daemon that is killed again and
#: again, or a long outage, must not reach the limit
DELIVERY_LIMIT = 1000

#: a connection without any byte for so long is lost
_HEARTBEAT_S = 10
_CONNECT_S = 5.0

#: what pika raises for a broker that cannot be used
BROKER_FAILURES = (AMQPError, OSError)

#: an error of the system as pika writes it into its own words
_OF_ERROR = re.compile(r"\w+Error\(\d+, '([^']+)'\)")

# Each failure is raised to our caller, which reports it in its own words.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def connection_parameters(url: str) -> pika.URLParameters:
    """Return how to connect to the address. ``amqps`` checks the certificate."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = _HEARTBEAT_S
    parameters.socket_timeout = parameters.stack_timeout = _CONNECT_S
    parameters.connection_attempts = 1
    if url.startswith("amqps:"):
        parameters.ssl_options = pika.SSLOptions(ssl.create_default_context(), urlsplit(url).hostname)
    return parameters


def declare_queue(channel: BlockingChannel, queue: str) -> None:
    """Declare exchange, queue and dead letters.

    Dead-lettering is "at least once": a message leaves the queue only when its dead letter is confirmed. That needs
    ``reject-publish``, which has no effect on a queue without a limit of length.
    """
    dead = queue + DEAD
    channel.exchange_declare(MESSAGES, "topic", durable=True)
    channel.exchange_declare(dead, "fanout", durable=True)
    channel.queue_declare(dead, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(dead, dead)
    channel.queue_declare(queue, durable=True, arguments=queue_arguments(queue))


def queue_arguments(queue: str) -> dict[str, str | int]:
    """Return how a queue of messages is declared. A queue with other arguments is refused by the broker."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": queue + DEAD,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def broker_error(error: BaseException) -> BrokerError:
    """Return a failure of pika in plain words. The innermost cause says most; pika wraps it in several errors."""
    while inner := _causes(error):
        error = inner[-1]
    words = getattr(error, "reply_text", None) or getattr(error, "strerror", None) or str(error)
    words = _OF_ERROR.sub(r"\1", words) or type(error).__name__
    return BrokerError(f"the broker: {words}"[:300])


def _causes(error: BaseException) -> list[BaseException]:
    named = (*error.args, *getattr(error, "exceptions", ()), getattr(error, "exception", None))
    return [one for one in named if isinstance(one, BaseException)]
