"""Backfill: reads each channel's history once in full, and then its tail at every interval.

Only the history is complete. The list of unprocessed messages leaves out what an acknowledgement of another
channel, another consumer or the gateway's own publisher has marked. Backfill finds such messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.names import CHANNELS
from actors.shown.metrics import Metrics
from actors.shown.snapshots import BackfillPhase, BackfillSnapshot, ChannelsSnapshot
from actors.sources import backfill_progress as progress
from actors.sources.backfill_queue import BackfillPolicy, BackfillQueue
from actors.sources.history import HistoryPass
from actors.sources.round_robin import RoundRobin
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.backoff import Backoff, RetryState
from engine.messages import BatchCommitted, CheckHistory, FollowChannels, StartBackfill, Tick
from engine.spec import Context
from storage.errors import (
    GatewayAnswerError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
    StorageError,
)
from storage.gateway.client import GatewayClient
from storage.postgres.checkpoints import Checkpoint, Checkpoints
from storage.postgres.known import KnownMessages

__all__ = ["Backfill", "BackfillPolicy"]

#: how many messages one sync may fetch from Telegram; the gateway chooses which
SYNC_LIMIT = 500
BACKOFF = Backoff(first_s=1.25, cap_s=60.0)  # at least a second, even with jitter


class Backfill(Source):
    """The source of history. Channels take turns, one page each. It does not delay polling."""

    def __init__(
        self,
        context: Context,
        *,
        channels: Sequence[str],
        gateway: GatewayClient,
        checkpoints: Checkpoints,
        known_messages: KnownMessages,
        policy: BackfillPolicy,
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._channels = tuple(channels)
        self._gateway = gateway
        self._checkpoints = checkpoints
        self._known_messages = known_messages
        self._policy = policy
        self._phase = BackfillPhase.WAITING
        self._known: dict[str, Checkpoint] = {}
        self._known_is_current = self._synced = False
        self._passes: dict[str, HistoryPass] = {}
        self._unsaved: HistoryPass | None = None
        self._round_robin = RoundRobin(self._channels, backoff=BACKOFF, random=random)
        self._queue = BackfillQueue()
        self._requests_taken = 0
        self._new: set[str] = set()
        # for what concerns all channels: a failure of the database, or a rate limit of the gateway
        self._retry = RetryState(backoff=BACKOFF, random=random)

    def _open(self) -> None:
        # An earlier generation may have followed channels that were added at run time.
        published = self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot)
        if published is not None:
            self._follow([entry.channel for entry in published.value.channels])
        # A restarted backfill continues at once. The delay is for the start of the daemon.
        self.tick_later("step", self._policy.delay_s if self.context.generation == 1 else 0)
        self.tick_later("tail", self._policy.tail_every_s)
        self.tick_later("checkpoints", 0)
        self._publish()

    def _close(self) -> None:
        self._gateway.close()

    # ── requests ──────────────────────────────────────────────────────────────

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        match tick.purpose:
            case "step":
                self._step()
            case "tail":
                self._queue.check(self._channels)
                self.tick_later("tail", self._policy.tail_every_s)
                self._step()
            case "checkpoints":
                self._show_checkpoints()
            case _:
                super()._on_tick(tick)

    @handles(StartBackfill)
    def _on_start_backfill(self, command: StartBackfill) -> None:
        self._requests_taken += 1
        self._phase = BackfillPhase.READING  # until the next step finds nothing to do
        channels = [c for c in self._channels if not command.channels or c in command.channels]
        if command.since is not None:
            self._queue.check(channels, command.since)
        elif command.again:
            self._queue.reread(channels)
        self._step()

    @handles(CheckHistory)
    def _on_check_history(self, command: CheckHistory) -> None:
        self.log.info("history.check_requested", channel=command.channel, reason=command.reason)
        if command.channel in self._channels:
            self._queue.check([command.channel])
        self._step()

    @handles(FollowChannels)
    def _on_follow_channels(self, command: FollowChannels) -> None:
        self._follow(command.channels)
        self._show_checkpoints()
        if self._phase is not BackfillPhase.WAITING:  # the initial delay holds for every channel
            self._step()

    def _follow(self, channels: Sequence[str]) -> None:
        """Read only these channels from now on."""
        new = [channel for channel in channels if channel not in self._channels]
        self._channels = tuple(channels)
        self._round_robin.follow(channels)
        # A page in flight of a removed channel is not counted and its checkpoint stays. When it is reread, it is known.
        self._passes = {c: reading for c, reading in self._passes.items() if c in channels}
        self._queue.follow(channels)
        if new:
            self._new.update(new)
            self._known_is_current = self._synced = False

    def _show_checkpoints(self) -> None:
        """Show a completed import at once: the first step may be far away."""
        try:
            self._known = self._checkpoints.load(self._channels)
        except StorageError:
            self.tick_later("checkpoints", BACKOFF.first_s)
        self._publish()

    # ── one step at a time ───────────────────────────────────────────────────

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Record that a page is durable. The next step saves the checkpoint."""
        reading = self._passes.get(flight.channel)
        if reading is None:
            return
        reading.found += committed.new
        if self.partial:
            return
        reading.committed()
        if reading.since is None:
            self._unsaved = reading

    def fetch_next(self) -> None:
        """Take the next step."""
        self._step()

    def _step(self) -> None:
        """Do the next thing that is due, unless a batch is in flight. A failure is tried again later."""
        if not self.idle:
            return
        if (wait_s := self._retry.wait_s(self.clock.monotonic_s())) > 0:
            self.tick_later("step", wait_s)  # a running back-off holds for every request
            return
        try:
            self._do_next()
        except StorageError as error:
            self._failed(error)
        else:
            self._retry.succeeded()
        self._publish()

    def _do_next(self) -> None:
        if restarts := self._queue.restarts:
            self._checkpoints.restart(list(restarts))
            self._passes = {c: reading for c, reading in self._passes.items() if c not in restarts}
            if self._unsaved is not None and self._unsaved.channel in restarts:
                self._unsaved = None
            self._known_is_current, self._synced = False, False
            self._queue.restarted()
        if not self._known_is_current:
            self._known = self._checkpoints.load(self._channels)
            self._known_is_current = True
            # A re-added channel may already be complete. The check of its tail finds what it has missed.
            self._queue.check(self._new.intersection(self._channels).difference(self._unread()))
            self._new.clear()
        if self._unsaved is not None:
            self._save(self._unsaved, completed=False)
        now_s = self.clock.monotonic_s()
        if (channel := self._round_robin.next(self._with_work(), now_s)) is not None:
            self._read_one(channel)
        elif (wait_s := self._round_robin.wait_s(self._with_work(), now_s)) is not None:
            self.tick_later("step", wait_s)
        else:
            self._phase = BackfillPhase.COMPLETED

    def _unread(self) -> list[str]:
        return progress.unread(self._channels, self._known)

    def _with_work(self) -> set[str]:
        return {*self._unread(), *self._passes, *self._queue.tails}

    def _read_one(self, channel: str) -> None:
        """Read a page of one channel. A refusal by the gateway delays no other channel."""
        concerned = [channel]
        try:
            if channel in self._unread() and not self._synced:
                concerned = self._unread()  # no unread channel is read before the sync
                self._sync()
                concerned = [channel]
            reading = self._pass_of(channel)
            self._phase = BackfillPhase.READING if reading.since is None else BackfillPhase.CHECKING_TAIL
            self._read(reading)
        except GatewayRateLimitedError:
            raise
        except GatewayError as error:
            now_s = self.clock.monotonic_s()
            for one in concerned:
                if self._round_robin.failed(one, str(error), at=self.clock.now(), now_s=now_s):
                    self.log.warning(
                        "history.failed", channel=one, error=str(error), kind=type(error).__name__
                    )
            self.tick_later("step", self._round_robin.wait_s(self._with_work(), now_s) or 0)
        else:
            self._round_robin.succeeded(channel)

    def _pass_of(self, channel: str) -> HistoryPass:
        """Return the running pass of a channel, or begin the one that is due."""
        if channel not in self._passes:
            known, now = self._known.get(channel), self.clock.now()
            self._passes[channel] = progress.pass_due(channel, known, self._queue, now=now)
        return self._passes[channel]

    def _sync(self) -> None:
        """Ask the gateway to fetch from Telegram. If it refuses, the history it has is read all the same."""
        self._phase = BackfillPhase.SYNCING
        self._publish()
        try:
            result = self._gateway.sync(limit=SYNC_LIMIT, timeout_s=self._policy.sync_timeout_s)
        except GatewayUnauthorizedError:
            raise
        except (GatewayStatusError, GatewayAnswerError) as error:
            self.log.warning("history.sync_failed", error=str(error))
        else:
            self.log.info("history.synced", synced=result.synced, saved=result.saved)
        self._synced = True

    def _read(self, reading: HistoryPass) -> None:
        if (wait_s := self._gateway.wait_s()) > 0:
            self.tick_later("step", wait_s)  # polls use the same quota
            return
        offset, limit = reading.next_page.offset, reading.next_page.limit
        page = self._gateway.history(reading.channel, offset=offset, limit=limit, since=reading.since)
        accepted = reading.accept(page.messages, page.total)
        messages = accepted if reading.since is None else self._known_messages.missing(accepted)
        if messages:
            self.deliver(reading.channel, messages)
            return
        if accepted:
            reading.committed()
        elif reading.complete:
            self._completed(reading)
            del self._passes[reading.channel]
        else:
            self.log.info("history.stepped_back", channel=reading.channel, rows_read=reading.rows_read)
        self.tick_later("step", 0)

    def _completed(self, reading: HistoryPass) -> None:
        self._known_is_current = False
        if reading.since is not None:
            self._checkpoints.record_tail(
                reading.channel, found=reading.found, newest_received_at=reading.newest_received_at
            )
            if reading.found:
                self.log.warning("history.found_missing", channel=reading.channel, count=reading.found)
                self.metrics.history_found.labels(reading.channel).inc(reading.found)
            if reading.asked:  # a requested check logs its end even when nothing was missing
                self.log.info("history.checked", **progress.values_for_log(reading))
            return
        self._save(reading, completed=True)
        self._known, self._known_is_current = self._checkpoints.load(self._channels), True
        self.log.info("history.channel_completed", **progress.values_for_log(reading))
        if not self._unread():
            totals = progress.totals_for_log(self._known.values())
            self.log.info("history.completed", message="Historical sync completed", **totals)

    def _save(self, reading: HistoryPass, *, completed: bool) -> None:
        self._checkpoints.save(progress.checkpoint_of(reading), completed=completed)
        self._unsaved = None

    def _failed(self, error: StorageError) -> None:
        """Delay every channel: the database is unavailable, or the gateway limits the rate."""
        delay_s = error.retry_after_s if isinstance(error, GatewayRateLimitedError) else None
        now_s = self.clock.monotonic_s()
        if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s, delay_s=delay_s):
            self.log.warning("history.failed", error=str(error), kind=type(error).__name__)
        self.tick_later("step", self._retry.wait_s(now_s))

    def _publish(self) -> None:
        error, since = progress.failures_of(self._channels, self._round_robin)
        self.publish(
            BackfillSnapshot(
                phase=self._phase,
                channels=progress.progress_of(self._channels, self._known, self._passes, self._round_robin),
                error=self._retry.error or error,
                failing_since=self._retry.since or since,
                requests_taken=self._requests_taken,
            )
        )
