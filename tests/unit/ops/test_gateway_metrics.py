"""What a scrape of the gateway shows of its outbox."""

import pytest

from ops.gateway.metrics import metrics_text
from ops.gateway.publisher import OutboxState


@pytest.mark.parametrize(("error", "publishing"), [(None, "1.0"), ("the broker takes no messages", "0.0")])
def test_the_outbox_is_shown(error: str | None, publishing: str) -> None:
    state = OutboxState(status="degraded", waiting=7, oldest_seconds=90.5, error=error)
    shown = metrics_text(state).decode().splitlines()
    assert [line for line in shown if not line.startswith("#")] == [
        "tpgateway_outbox_waiting 7.0",
        "tpgateway_outbox_oldest_seconds 90.5",
        f"tpgateway_outbox_publishing {publishing}",
    ]


def test_a_gateway_without_a_broker_has_nothing_to_show() -> None:
    assert metrics_text(None) == b""
