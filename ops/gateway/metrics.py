"""The gateway's own metrics: what its outbox still has to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

if TYPE_CHECKING:
    from ops.gateway.publisher import OutboxState

__all__ = ["metrics_text"]


def metrics_text(outbox: OutboxState | None) -> bytes:
    """Return the exposition. A gateway without a broker has no outbox, and nothing to show."""
    registry = CollectorRegistry()
    if outbox is not None:
        for name, meaning, value in (
            ("waiting", "Messages that the broker has not confirmed, counted to 10,000", outbox.waiting),
            (
                "oldest_seconds",
                "Age of the oldest message that the broker has not confirmed",
                outbox.oldest_seconds,
            ),
            ("publishing", "1 while the broker takes messages", outbox.error is None),
        ):
            Gauge(f"tpgateway_outbox_{name}", meaning, registry=registry).set(value)
    return generate_latest(registry)
