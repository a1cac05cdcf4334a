"""The child specs of each channel (poller, acknowledger, doorbell), and of the reconciler that starts and stops them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from random import Random

from actors.acknowledger import Acknowledger
from actors.channels import ChannelReconciler
from actors.doorbell import Doorbell
from actors.names import ACKNOWLEDGER, CHANNELS, DOORBELL, POLLER, of_channel
from actors.poller import Poller, PollPolicy
from actors.shown.metrics import Metrics
from config import Settings
from engine.breaker import BreakerPolicy
from engine.spec import ChildSpec
from ops.daemon.stores import settings_markets
from storage.gateway.client import GatewayClient
from storage.postgres.channels import Channels
from storage.postgres.known import KnownMessages
from storage.postgres.second_looks import SecondLooks

__all__ = ["ChannelChildren"]


class ChannelChildren:
    """Builds the specs. ``gateway`` creates the client for one actor name."""

    def __init__(
        self,
        settings: Settings,
        *,
        gateway: Callable[[], GatewayClient],
        channels: Channels,
        looks: SecondLooks,
        known: KnownMessages,
        metrics: Metrics,
        random: Random,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._channels = channels
        self._looks = looks
        self._known = known
        self._metrics = metrics
        self._random = random

    def acknowledgers(self) -> list[ChildSpec]:
        """Return the acknowledgers of the settings' channels."""
        return [self.acknowledger(channel) for channel in self._settings.gateway.channels]

    def pollers(self) -> list[ChildSpec]:
        """Return the pollers of the settings' channels."""
        return [self.poller(channel) for channel in self._settings.gateway.channels]

    def doorbells(self) -> list[ChildSpec]:
        """Return the doorbells of the settings' channels, if doorbells are enabled."""
        wanted = self._settings.gateway.channels if self._settings.engine.doorbell else ()
        return [self.doorbell(channel) for channel in wanted]

    def acknowledger(self, channel: str) -> ChildSpec:
        """Return the acknowledger of a channel."""
        factory = functools.partial(
            Acknowledger.start,
            channel=channel,
            poller=of_channel(POLLER, channel),
            gateway=self._gateway(),
            looks=self._looks,
            known=self._known,
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(
            name=of_channel(ACKNOWLEDGER, channel),
            factory=factory,
            source=True,
            parkable=True,
            group=ACKNOWLEDGER,
            # one round is a write, up to 30 calls if the batch is split, and a page of history
            heartbeat_limit_s=90 + 32 * self._settings.breaker.timeout_ms / 1000,
        )

    def poller(self, channel: str) -> ChildSpec:
        """Return the poller of a channel."""
        gateway, breaker = self._settings.gateway, self._settings.breaker
        interval_s, call_s = gateway.polling_interval_ms / 1000, breaker.timeout_ms / 1000
        factory = functools.partial(
            Poller.start,
            channel=channel,
            acknowledger=of_channel(ACKNOWLEDGER, channel),
            gateway=self._gateway(),
            policy=PollPolicy(interval_s=interval_s, batch_size=gateway.batch_size),
            breaker=BreakerPolicy(
                window=breaker.window,
                minimum=breaker.minimum,
                threshold_percent=breaker.error_threshold,
                reset_s=breaker.reset_timeout_ms / 1000,
                # a failed poll takes up to one interval and one call; enough of them must fit into the window
                horizon_s=10 * (interval_s + call_s),
            ),
            metrics=self._metrics,
        )
        return ChildSpec(
            name=of_channel(POLLER, channel),
            factory=factory,
            source=True,
            # a poller that keeps failing must not end the polling of the other channels
            group=POLLER,
            heartbeat_limit_s=30 + 2 * call_s,
        )

    def doorbell(self, channel: str) -> ChildSpec:
        """Return the doorbell of a channel."""
        client = self._gateway()
        factory = functools.partial(
            Doorbell.start,
            channel=channel,
            poller=of_channel(POLLER, channel),
            gateway=client,
            random=self._random,
        )
        return ChildSpec(
            name=of_channel(DOORBELL, channel),
            factory=factory,
            parkable=True,
            group=DOORBELL,
            interrupt=client.interrupt,
            heartbeat_limit_s=60 + self._settings.breaker.timeout_ms / 1000,
        )

    def reconciler(self) -> ChildSpec:
        """Return the reconciler of the channels that are added at run time."""
        # receivers start before senders
        makers = {"acknowledger": self.acknowledger, "poller": self.poller}
        if self._settings.engine.doorbell:
            makers["doorbell"] = self.doorbell
        factory = functools.partial(
            ChannelReconciler.start,
            settings=self._settings.gateway.channels,
            channels=self._channels,
            makers=makers,
            markets=settings_markets(self._settings),
            metrics=self._metrics,
        )
        # its write to the database may take as long as one of the writer
        return ChildSpec(name=CHANNELS, factory=factory, parkable=True, heartbeat_limit_s=90)
