"""Publishes the outbox to the broker: in order, with confirms, again until confirmed.

A row leaves the outbox after the broker has confirmed its message. So a crash at any point publishes a message twice at
worst, and the engine's ledger knows the second one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from random import Random

import structlog

from engine.backoff import Backoff, RetryState
from engine.clock import SystemClock
from ops.gateway.outbox import Outbox
from storage.broker.publisher import ConfirmedPublisher
from storage.errors import StorageError

__all__ = ["OutboxPublisher"]

BATCH_SIZE = 500
#: how often it looks without being rung: a pooler of transactions passes on no notification
LOOK_EVERY_S = 1.0
#: an older row means that publishing is late
LATE_S = 60.0
BACKOFF = Backoff(first_s=0.25, cap_s=5.0)
_STOP_S = 5.0

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """The outbox as ``/health`` shows it."""

    status: str
    waiting: int
    oldest_seconds: float
    error: str | None


class OutboxPublisher:
    """A thread that empties the outbox. One gateway of a database is enough: a second one sends everything twice."""

    def __init__(self, outbox: Outbox, broker_url: str) -> None:
        self._outbox = outbox
        self._stopping = threading.Event()
        self._publisher = ConfirmedPublisher(broker_url, stop=self._stopping)
        self._clock = SystemClock()
        self._retry = RetryState(backoff=BACKOFF, random=Random())  # noqa: S311 - jitter, not cryptography
        self._rung = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def ring(self) -> None:
        """Look into the outbox now: something was committed. Safe from any thread."""
        self._rung.set()

    def stop(self) -> None:
        """End the thread. What was not confirmed stays in the outbox."""
        self._stopping.set()
        self._rung.set()
        self._thread.join(_STOP_S)
        self._publisher.close()

    def state(self) -> OutboxState:
        """Return what waits in the outbox, and why.

        Raises:
            StorageError: the database cannot be asked.
        """
        waiting, oldest_s = self._outbox.waiting()
        blocked = self._publisher.blocked
        error = f"the broker takes no messages: {blocked}" if blocked is not None else self._retry.error
        late = error is not None or oldest_s > LATE_S
        return OutboxState(
            status="degraded" if late else "healthy",
            waiting=waiting,
            oldest_seconds=round(oldest_s, 1),
            error=error,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._rung.clear()
            try:
                while self._publish_some():
                    self._publish_succeeded()
            except Exception as error:
                if not isinstance(error, StorageError):
                    # of a thread that ended nobody would hear
                    log.exception("outbox.failed")
                self._failed(error)
                self._stopping.wait(self._retry.wait_s(self._clock.monotonic_s()))
            else:
                self._publish_succeeded()
                self._rung.wait(LOOK_EVERY_S)

    def _publish_some(self) -> bool:
        """Publish the first messages of the outbox. Return False when it was empty."""
        pending = self._outbox.pending(BATCH_SIZE)
        if not pending.positions:
            return False
        self._publisher.publish(pending.messages)
        self._outbox.remove(pending.positions)
        log.debug("outbox.published", count=len(pending.messages))
        return not self._stopping.is_set()

    def _publish_succeeded(self) -> None:
        if self._retry.failures:
            log.info("outbox.recovered", failures=self._retry.failures)
        self._retry.succeeded()

    def _failed(self, error: Exception) -> None:
        if self._retry.failed(str(error), at=self._clock.now(), now_s=self._clock.monotonic_s()):
            log.warning("outbox.waiting", error=str(error))
