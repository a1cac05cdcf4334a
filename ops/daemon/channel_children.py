"""The children that each channel has of its own."""

from __future__ import annotations

import functools
from random import Random

from actors import names
from actors.acknowledger import Acknowledger
from actors.doorbell import Doorbell
from actors.poller import Poller, PollPolicy
from actors.shown.metrics import Metrics
from config import Settings
from engine.breaker import BreakerPolicy
from engine.spec import ChildSpec
from ops.stores import Stores
from storage.postgres.second_looks import SecondLooks

__all__ = ["ChannelChildren", "breaker_policy"]


def breaker_policy(settings: Settings) -> BreakerPolicy:
    """Return when the breaker of a poller, or of connecting to the broker, opens."""
    breaker = settings.breaker
    return BreakerPolicy(
        window=breaker.window,
        minimum=breaker.minimum,
        threshold_percent=breaker.error_threshold,
        reset_s=breaker.reset_timeout_ms / 1000,
        # a failed poll takes up to one interval and one call; enough of them must fit into the window
        horizon_s=10 * (settings.gateway.polling_interval_ms + breaker.timeout_ms) / 1000,
    )


class ChannelChildren:
    """Builds their specs. Generations of a child share the objects that its spec holds."""

    def __init__(
        self, settings: Settings, stores: Stores, *, looks: SecondLooks, metrics: Metrics, random: Random
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._looks = looks
        self._metrics = metrics
        self._random = random
        self._poll_every_s = settings.gateway.polling_interval_ms / 1000
        self._call_s = settings.breaker.timeout_ms / 1000

    def acknowledger(self, channel: str) -> ChildSpec:
        """Return the spec of the actor that marks the messages of ``channel`` at the gateway."""
        factory = functools.partial(
            Acknowledger.start,
            channel=channel,
            poller=names.of_channel(names.POLLER, channel),
            gateway=self._stores.gateway(),
            looks=self._looks,
            known=self._stores.known,
            metrics=self._metrics,
            random=self._random,
        )
        # one round is a write, up to 30 calls if the batch is split, and a page of history
        return ChildSpec(
            name=names.of_channel(names.ACKNOWLEDGER, channel),
            factory=factory,
            source=True,
            parkable=True,
            group=names.ACKNOWLEDGER,
            heartbeat_limit_s=90 + 32 * self._call_s,
        )

    def poller(self, channel: str) -> ChildSpec:
        """Return the spec of the poller of ``channel``."""
        factory = functools.partial(
            Poller.start,
            channel=channel,
            acknowledger=names.of_channel(names.ACKNOWLEDGER, channel),
            gateway=self._stores.gateway(),
            policy=PollPolicy(interval_s=self._poll_every_s, batch_size=self._settings.gateway.batch_size),
            breaker=breaker_policy(self._settings),
            metrics=self._metrics,
        )
        # a poller that keeps failing must not end the polling of the other channels
        return ChildSpec(
            name=names.of_channel(names.POLLER, channel),
            factory=factory,
            source=True,
            group=names.POLLER,
            heartbeat_limit_s=30 + 2 * self._call_s,
        )

    def doorbell(self, channel: str) -> ChildSpec:
        """Return the spec of the actor that waits in the long poll of ``channel``."""
        client = self._stores.gateway()
        factory = functools.partial(
            Doorbell.start,
            channel=channel,
            poller=names.of_channel(names.POLLER, channel),
            gateway=client,
            random=self._random,
        )
        return ChildSpec(
            name=names.of_channel(names.DOORBELL, channel),
            factory=factory,
            parkable=True,
            group=names.DOORBELL,
            interrupt=client.interrupt,
            heartbeat_limit_s=60 + self._call_s,
        )
