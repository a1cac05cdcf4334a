"""Rules of alerts for tests, and a receiver of webhooks that verifies each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from standardwebhooks.webhooks import Webhook

from storage.alerts.outcome import Attempt
from storage.postgres.alert_rules import RuleValues, TargetValues
from tests.support.clock import FakeTimers
from tests.support.httpstub import Answer, HttpStub, Request

__all__ = ["LOOPBACK", "SECRET", "Receiver", "a_rule", "a_webhook", "cut_when"]

#: what lets alerts go to receivers of this machine
LOOPBACK = {"TP_CAPITAL_ALERT_NETWORKS": "127.0.0.0/8"}
#: of the reference vectors of the Standard Webhooks libraries
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KINDS = ("signal", "update", "result", "cancel", "system")


def a_rule(name: str = "all", **changes: Any) -> RuleValues:
    """Return a rule that wants everything."""
    values: dict[str, Any] = {"name": name, "enabled": True, "language": "en", "kinds": KINDS}
    return RuleValues(**values | changes)


def a_webhook(url: str, *signing: str) -> TargetValues:
    """Return a webhook."""
    return TargetValues(
        kind="webhook", url=url, service="webhook", masked="http://…", signing=signing or (SECRET,)
    )


def cut_when(wait: Callable[[], object], timers: FakeTimers, send: Callable[[], Attempt]) -> Attempt:
    """Send by these timers. The time of the attempt is over as soon as ``wait`` returns."""
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(send)
        wait()
        timers.advance(60)
        return attempt.result(60)


class Receiver(HttpStub):
    """Takes webhooks. It knows each by its id, as a receiver should."""

    def __init__(self) -> None:
        super().__init__(Answer(status=204))

    def alerts(self, count: int, *, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Wait for so many alerts with different ids, and return them in the order in which each came first."""
        wanted = count
        while True:
            found = {request.headers["webhook-id"]: request for request in reversed(self.requests)}
            if len(found) >= count:
                first = sorted(found.values(), key=lambda request: request.at)
                return [self.verified(request) for request in first]
            wanted = max(wanted, self.count + 1)
            self.wait_for_requests(self.count + 1, timeout_s=timeout_s)

    @staticmethod
    def verified(request: Request) -> dict[str, Any]:
        """Return a verified webhook, with its id."""
        Webhook(SECRET).verify(request.body, dict(request.headers))
        body = json.loads(request.body)
        assert isinstance(body, dict)
        return {**body, "id": request.headers["webhook-id"]}
