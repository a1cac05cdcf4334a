"""RabbitMQ: whether it lets us in, has the engine's queue as the engine declares it, and accepts messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ops.doctor.broker_policy import POLICY, check_policy
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

    from config.broker import BrokerSettings

__all__ = ["examine_broker"]

_CONNECTION, _EXCHANGE, _QUEUE = "broker.connection", "broker.exchange", "broker.queue"
_CONSUMERS, _DEAD, _ALARM = "broker.consumers", "broker.dead_letters", "broker.alarm"
_OTHERS: Final = (_EXCHANGE, _QUEUE, _CONSUMERS, _DEAD, POLICY, _ALARM)
_NOT_FOUND, _REFUSED, _DIFFERS = 404, 403, 406
#: RabbitMQ answers a publish during an alarm with a notice, and otherwise with nothing
_NOTICE_S: Final = 1.0
#: then a blocked connection is given up
_BLOCKED_S: Final = 0.3


def examine_broker(around: CheckContext) -> Iterator[CheckResult]:
    """Look at what the engine uses of the broker. Nothing is created, changed or consumed."""
    settings = around.settings.broker
    if settings.url is None:
        yield from (skipped(name, "no broker is set (AMQP_URL)") for name in (_CONNECTION, *_OTHERS))
        return
    import pika  # noqa: PLC0415 - loaded only where a broker is used

    from storage.broker.topology import BROKER_FAILURES, broker_error, connection_parameters  # noqa: PLC0415

    parameters = connection_parameters(settings.url.get_secret_value())
    # During an alarm the broker reads nothing that we send, also not that we want to close.
    parameters.blocked_connection_timeout = _BLOCKED_S
    try:
        connection = pika.BlockingConnection(parameters)
    except BROKER_FAILURES as error:
        yield fail(
            _CONNECTION,
            str(broker_error(error)),
            "start RabbitMQ, or correct the address, user, password or virtual host in AMQP_URL",
        )
        yield from (skipped(name, "no connection") for name in _OTHERS)
        return
    yield ok(_CONNECTION, "RabbitMQ lets us in")
    left = list(_OTHERS)
    try:
        for result in _examine(connection, settings, answer_s=around.answer_s):
            left.remove(result.name)
            yield result
    except BROKER_FAILURES as error:
        yield fail(
            left.pop(0),
            f"the connection broke at this question: {broker_error(error)}",
            "run doctor again; if it breaks again, the log of RabbitMQ says why",
        )
        yield from (skipped(name, "the connection broke") for name in left)
    finally:
        # One that broke while it was asked something is no longer open, or closing it fails as well.
        with contextlib.suppress(*BROKER_FAILURES):
            connection.close()


def _examine(
    connection: BlockingConnection, settings: BrokerSettings, *, answer_s: float
) -> Iterator[CheckResult]:
    yield _check_exchange(connection)
    yield from _check_queue(connection, settings.queue, consumed=settings.source != "poll")
    yield check_policy(settings, answer_s=answer_s)
    yield _check_alarm(connection)


def _refusal(connection: BlockingConnection, ask: Callable[[BlockingChannel], Any]) -> tuple[int, Any]:
    """Ask on a channel of its own, because a refusal closes the channel. Return its code, or 0, and the answer."""
    from pika.exceptions import ChannelClosedByBroker  # noqa: PLC0415 - as above

    channel = connection.channel()
    try:
        answer = ask(channel)
        channel.close()
    except ChannelClosedByBroker as refusal:
        return int(refusal.reply_code), refusal.reply_text
    return 0, answer


def _check_exchange(connection: BlockingConnection) -> CheckResult:
    from storage.broker.topology import MESSAGES  # noqa: PLC0415 - as above

    code, text = _refusal(
        connection, lambda channel: channel.exchange_declare(MESSAGES, "topic", passive=True, durable=True)
    )
    if code == 0:
        return ok(_EXCHANGE, f"the exchange {MESSAGES} is there")
    if code == _NOT_FOUND:
        return warn(
            _EXCHANGE,
            f"there is no exchange {MESSAGES}: neither a gateway nor an engine has used this broker",
            "set AMQP_URL for the gateway, or run tp-capital relay",
        )
    return fail(
        _EXCHANGE,
        f"the exchange {MESSAGES} cannot be used: {text}",
        "rabbitmqctl set_permissions, or remove it",
    )


def _check_queue(connection: BlockingConnection, queue: str, *, consumed: bool) -> Iterator[CheckResult]:
    from storage.broker.topology import DEAD, queue_arguments  # noqa: PLC0415 - as above

    if not consumed:
        yield from (
            skipped(name, "TP_CAPITAL_SOURCE is poll: no queue is read")
            for name in (_QUEUE, _CONSUMERS, _DEAD)
        )
        return
    code, answer = _refusal(connection, lambda channel: channel.queue_declare(queue, passive=True))
    if code:
        yield (
            warn(_QUEUE, f"there is no queue {queue}", "start the engine once: it declares the queue")
            if code == _NOT_FOUND
            else fail(_QUEUE, f"the queue {queue} cannot be used: {answer}", "rabbitmqctl set_permissions")
        )
        yield from (skipped(name, "no queue") for name in (_CONSUMERS, _DEAD))
        return
    counts = answer.method
    # It exists, so this declares nothing: the broker compares the arguments.
    code, text = _refusal(
        connection,
        lambda channel: channel.queue_declare(queue, durable=True, arguments=queue_arguments(queue)),
    )
    if code in (_DIFFERS, _REFUSED):
        yield fail(
            _QUEUE,
            f"the queue {queue} is not as the engine declares it, or we may not declare it: {text}",
            "empty and delete that queue, or name another one in AMQP_QUEUE; or rabbitmqctl set_permissions",
        )
    else:
        yield ok(
            _QUEUE,
            f"{queue} is a quorum queue as the engine declares it; {counts.message_count} messages ready",
        )
    yield (
        ok(_CONSUMERS, f"{counts.consumer_count} consumers read the queue")
        if counts.consumer_count
        else warn(_CONSUMERS, "nobody reads the queue, and its messages pile up", "start the engine")
    )
    code, answer = _refusal(connection, lambda channel: channel.queue_declare(queue + DEAD, passive=True))
    dead = 0 if code else answer.method.message_count
    yield (
        warn(
            _DEAD,
            f"{dead} messages were given back too often and are in {queue}{DEAD}",
            f"look for the cause in the engine's log, then move them back into {queue}",
        )
        if dead
        else ok(_DEAD, "no message was given back too often")
    )


def _check_alarm(connection: BlockingConnection) -> CheckResult:
    """Publish a message that goes to no queue. During an alarm the broker then says that it blocks publishers."""
    from pika.exceptions import ConnectionBlockedTimeout  # noqa: PLC0415 - as above

    reasons: list[str] = []
    connection.add_on_connection_blocked_callback(lambda _, notice: reasons.append(notice.method.reason))
    try:
        channel = connection.channel()
        channel.basic_publish("", f"tp-capital.doctor.{id(connection)}", b"")
        connection.process_data_events(_NOTICE_S)
        channel.close()
    except ConnectionBlockedTimeout:
        return fail(
            _ALARM,
            f"RabbitMQ blocks publishers: {', '.join(reasons)}",
            "free memory or disk on its machine (rabbitmqctl status shows the alarm); messages wait in the outbox",
        )
    return ok(_ALARM, "RabbitMQ accepts messages")
