"""Auditor: once a day reads each channel's whole history and compares it with the ledger.

It finds an edit of an old message that neither a poll nor a tail check brought, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from actors.names import CHANNELS
from actors.shown.metrics import Metrics
from actors.shown.snapshots import ChannelsSnapshot
from actors.sources.history import HistoryPass
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.backoff import Backoff, RetryState
from engine.messages import BatchCommitted, Tick
from engine.spec import Context
from storage.errors import GatewayRateLimitedError, StorageError
from storage.gateway.client import GatewayClient
from storage.postgres.audits import Audit, Audits
from storage.postgres.known import KnownMessages

__all__ = ["AuditPolicy", "Auditor"]

#: how often it checks whether an audit is due
LOOK_EVERY_S = 60.0
BACKOFF = Backoff(first_s=5.0, cap_s=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPolicy:
    """The time between two audits of a channel, and between two pages of 500. Nobody waits for an audit."""

    every_s: float
    page_every_s: float = 1.0


class Auditor(Source):
    """Reads one page at a time, slowly. It delivers only messages that the ledger does not hold in this form."""

    def __init__(
        self,
        context: Context,
        *,
        channels: Sequence[str],
        gateway: GatewayClient,
        audits: Audits,
        known: KnownMessages,
        policy: AuditPolicy,
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._channels = tuple(channels)
        self._gateway = gateway
        self._audits = audits
        self._known = known
        self._policy = policy
        self._reading: HistoryPass | None = None
        self._retry = RetryState(backoff=BACKOFF, random=random)
        #: rows of the current page that were delivered; they are not compared again
        self._delivered: set[str] = set()

    def _open(self) -> None:
        self.tick_later("look", min(LOOK_EVERY_S, self._policy.every_s))

    def _close(self) -> None:
        self._gateway.close()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()
        else:
            super()._on_tick(tick)

    def _look(self) -> None:
        """Read a page of the running or due audit. A failure is tried again later."""
        if not self.idle:
            return
        now_s = self.clock.monotonic_s()
        if (wait_s := self._retry.wait_s(now_s)) > 0:
            self.tick_later("look", wait_s)
            return
        try:
            self._reading = self._reading or self._due()
            if self._reading is None:
                self.tick_later("look", min(LOOK_EVERY_S, self._policy.every_s))
            else:
                self._read(self._reading)
        except StorageError as error:
            delay_s = error.retry_after_s if isinstance(error, GatewayRateLimitedError) else None
            self._retry.failed(str(error), at=self.clock.now(), now_s=now_s, delay_s=delay_s)
            self.log.info("audit.waits", error=str(error))
            self.tick_later("look", self._retry.wait_s(now_s))
        else:
            self._retry.succeeded()

    def _due(self) -> HistoryPass | None:
        published = self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot)
        if published is not None:
            self._channels = tuple(entry.channel for entry in published.value.channels)
        audit = self._audits.due(self._channels, every_s=self._policy.every_s)
        if audit is None:
            return None
        return HistoryPass(
            channel=audit.channel,
            rows_read=audit.rows_read,
            last_id=audit.last_gateway_id,
            found=audit.found,
        )

    def _read(self, reading: HistoryPass) -> None:
        wanted = reading.next_page
        page = self._gateway.history(reading.channel, offset=wanted.offset, limit=wanted.limit)
        rows = reading.accept(page.messages, page.total)
        if reading.complete:
            self._audits.complete(reading.channel)
            self._reading = None
            self.log.info(
                "audit.completed", channel=reading.channel, rows_read=reading.rows_read, found=reading.found
            )
        elif rows:
            missing = self._known.missing([r for r in rows if r.gateway_id not in self._delivered])
            if missing:
                self.deliver(reading.channel, missing)
                return
            reading.committed()
            self._delivered.clear()
            self._audits.save(
                Audit(
                    channel=reading.channel,
                    rows_read=reading.rows_read,
                    last_gateway_id=reading.last_id,
                    found=reading.found,
                )
            )
        self.tick_later("look", self._policy.page_every_s)

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Count what was found. The page is then reread, and all of it is known."""
        self._delivered.update(message.gateway_id for message in flight.messages)
        if self._reading is not None:
            self._reading.found += committed.new
        if committed.new:
            self.log.warning("history.found_missing", channel=flight.channel, count=committed.new)
            self.metrics.history_found.labels(flight.channel).inc(committed.new)

    def fetch_next(self) -> None:
        """Continue the audit."""
        self._look()
