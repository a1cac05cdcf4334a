"""``relay``: brings the messages of a gateway that does not publish to the broker."""

from __future__ import annotations

from engine.timers import TimerThread
from ops.commands.common import stop, usable_settings
from ops.exit_codes import EXIT_USAGE
from ops.gateway.relay import Relay
from ops.logging import configure_logging
from ops.process_signals import stop_on_signals
from storage.broker.publisher import ConfirmedPublisher
from storage.gateway.client import GatewayClient

__all__ = ["relay"]


def relay() -> None:
    """Poll a gateway that does not publish, and publish its messages to the broker, until SIGTERM or Ctrl-C."""
    settings = usable_settings()
    gateway, broker = settings.gateway, settings.broker
    if broker.url is None:
        stop(EXIT_USAGE, "no broker: set AMQP_URL")
    configure_logging(level=settings.log.level, form=settings.log.format, secrets=settings.secrets())
    timers = TimerThread()
    client = GatewayClient(
        gateway.url,
        api_key=gateway.api_key.get_secret_value() if gateway.api_key else None,
        login=gateway.address.login,
        timeout_s=settings.breaker.timeout_ms / 1000,
        timers=timers,
    )
    with stop_on_signals() as stopping:
        relaying = Relay(
            client,
            ConfirmedPublisher(broker.url.get_secret_value(), stop=stopping),
            channels=gateway.channels,
            interval_s=gateway.polling_interval_ms / 1000,
            batch_size=gateway.batch_size,
        )
        relaying.run(stopping)
    timers.close()
