"""Doorbell: waits in the gateway's long poll and hands the poller what that brings."""

from __future__ import annotations

from random import Random

from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import Answered, Drain, PollNow, Tick
from engine.spec import Context
from storage.errors import GatewayError, GatewayRateLimitedError
from storage.gateway.client import GatewayClient

__all__ = ["Doorbell"]

WAIT_S = 25
#: a ring brings a few messages at once. More of them are a backlog, which the poller pages through
MOST = 20
#: how long it waits for the poller's answer to a ring: until then the rung messages may be in the list
AFTER_RING_S = 1.0
#: a gateway that sends an empty answer sooner than this does not support ``wait``
KNOWS_WAIT_S = WAIT_S / 2
#: how long such a gateway is left to the polling interval alone
UNKNOWN_S = 600.0
BACKOFF = Backoff(first_s=5.0, cap_s=120.0)


class Doorbell(Actor):
    """A separate actor, so that acknowledging and stopping never wait for a call of half a minute."""

    def __init__(
        self, context: Context, *, channel: str, poller: str, gateway: GatewayClient, random: Random
    ) -> None:
        super().__init__(context)
        self._channel = channel
        self._poller = poller
        self._gateway = gateway
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._draining = self._rang = False

    def _open(self) -> None:
        self.tick_later("listen", AFTER_RING_S)

    def _close(self) -> None:
        self._gateway.close()  # the next generation opens its own connection; a removed channel has none

    @handles(Drain)
    def _on_drain(self, _: Drain) -> None:
        self._draining = True

    @handles(Answered)
    def _on_answered(self, _: Answered) -> None:
        if self._rang:
            self.tick_later("listen", 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "listen" and not self._draining:
            self.tick_later("listen", self._listen())

    def _listen(self) -> float:
        """Make one long poll. Return the seconds until the next one."""
        began_s = self.clock.monotonic_s()
        self._rang = False
        try:
            messages = self._gateway.unprocessed(self._channel, limit=MOST, wait_s=WAIT_S)
        except GatewayRateLimitedError as error:
            return error.retry_after_s
        except GatewayError as error:
            self.log.debug("doorbell.failed", error=str(error))
            now_s = self.clock.monotonic_s()
            self._retry.failed(str(error), at=self.clock.now(), now_s=now_s)
            return self._retry.wait_s(now_s)
        self._retry.succeeded()
        if messages:
            ring = PollNow(
                reason="doorbell",
                doorbell=self.context.name,
                messages=messages,
                full=len(messages) >= MOST,
            )
            self._rang = self.send(self._poller, ring)
            return AFTER_RING_S
        if self.clock.monotonic_s() - began_s < KNOWS_WAIT_S:
            self.log.info(
                "doorbell.silenced", reason="the gateway does not hold a long poll", retry_in_s=UNKNOWN_S
            )
            return UNKNOWN_S
        return 0.0
