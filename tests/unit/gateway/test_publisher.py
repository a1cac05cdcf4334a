"""The publisher of the outbox when something fails that nobody has thought of."""

from __future__ import annotations

import threading
from typing import cast

import structlog

from ops.gateway.outbox import Outbox, Pending
from ops.gateway.publisher import OutboxPublisher


class FaultyOnce:
    """An outbox whose first look fails."""

    def __init__(self) -> None:
        self.looks = 0
        self.asked_again = threading.Event()

    def pending(self, _limit: int) -> Pending:
        self.looks += 1
        if self.looks == 1:
            raise TypeError("no such thing")
        self.asked_again.set()
        return Pending(positions=[], messages=[])


def test_an_unforeseen_error_is_logged_and_publishing_goes_on() -> None:
    outbox = FaultyOnce()
    publisher = OutboxPublisher(cast("Outbox", outbox), "amqp://127.0.0.1:1/")
    with structlog.testing.capture_logs() as logs:
        publisher.start()
        try:
            assert outbox.asked_again.wait(30)
        finally:
            publisher.stop()
    assert {"outbox.failed", "outbox.waiting"} <= {log["event"] for log in logs}
