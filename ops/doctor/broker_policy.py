"""The policies of RabbitMQ that hold for the engine's queue: only the management plugin tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ops.client import Client, ClientError
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn

if TYPE_CHECKING:
    from config.broker import BrokerSettings

__all__ = ["POLICY", "check_policy"]

POLICY: Final = "broker.policy"
#: what makes a queue lose messages that nobody has read
_TAKES_AWAY: Final = ("message-ttl", "expires")
_PATHLESS: Final = ("", "/")


def check_policy(settings: BrokerSettings, *, answer_s: float) -> CheckResult:
    """Return whether a policy takes messages out of the queue that the engine has not read."""
    if settings.management is None or settings.url is None:
        return skipped(POLICY, "AMQP_MANAGEMENT_URL is not set: only the queue's own arguments were compared")
    broker, place = urlsplit(settings.url.get_secret_value()), urlsplit(settings.management.url)
    user = f"{broker.username or 'guest'}:{broker.password or 'guest'}"
    vhost = "/" if broker.path in _PATHLESS else unquote(broker.path[1:])
    try:
        with Client(
            urlunsplit(place._replace(netloc=f"{user}@{place.netloc}")), timeout_s=answer_s
        ) as client:
            answer = client.ask("GET", f"/api/queues/{quote(vhost, safe='')}/{quote(settings.queue)}")
    except ClientError as error:
        return warn(POLICY, f"the management plugin cannot be asked: {error}", "correct AMQP_MANAGEMENT_URL")
    found = answer.object()
    if not answer.ok or found is None:
        return warn(
            POLICY,
            f"the management plugin does not show the queue: {answer.status} {answer.reason}",
            "rabbitmqctl set_user_tags USER monitoring",
        )
    return _judged(found)


def _judged(queue: dict[str, Any]) -> CheckResult:
    from storage.broker.topology import DELIVERY_LIMIT  # noqa: PLC0415 - pika is loaded only where a broker is used

    name, holds = queue.get("policy"), queue.get("effective_policy_definition")
    holds = holds if isinstance(holds, dict) else {}
    if losing := [key for key in _TAKES_AWAY if key in holds]:
        return fail(
            POLICY,
            f"the policy {name} makes the queue lose messages that were not read: {', '.join(losing)}",
            f"rabbitmqctl clear_policy {name}, or narrow its pattern",
        )
    limit = holds.get("delivery-limit")
    if isinstance(limit, int) and limit < DELIVERY_LIMIT:
        return warn(
            POLICY,
            f"the policy {name} gives a message up after {limit} redeliveries; the engine counts on {DELIVERY_LIMIT}",
            f"take delivery-limit out of the policy {name}",
        )
    return ok(POLICY, f"the policy {name} takes no message away" if name else "no policy holds for the queue")
