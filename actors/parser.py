"""Parser: reads each message of a batch. A message that cannot be read does not affect the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

from actors.grammar.outcome import OutcomePolicy, dead_letter, settle
from actors.names import CHANNELS, WRITER
from actors.shown.snapshots import ChannelsSnapshot
from engine.actor import Actor, handles
from engine.messages import BatchParsed, MessagesFetched, Tick
from engine.model import ChannelMessage, Market, Outcome, OutcomeKind, SourceMessage
from engine.spec import Context
from storage.gateway.messages import bounded

__all__ = ["Parser"]

#: how often it checks for the database's time until that is known
CLOCK_EVERY_S = 0.5


class Parser(Actor):
    """Turns fetched messages into outcomes. The grammar is a pure function.

    ``now`` returns the database's time: a machine's clock may be wrong, and the retention depends on the time. Until
    it is known, the newest batch of each source and channel waits here; no batch could be written yet either.
    ``markets`` are the markets of the settings. They hold for channels whose market is not published.
    """

    def __init__(
        self,
        context: Context,
        *,
        policy: OutcomePolicy,
        now: Callable[[], datetime | None],
        markets: Mapping[str, Market] | None = None,
    ) -> None:
        super().__init__(context)
        self._policy = policy
        self._now = now
        self._markets = dict(markets or {})
        self._waiting: dict[tuple[str, str], MessagesFetched] = {}

    @handles(MessagesFetched)
    def _on_messages_fetched(self, batch: MessagesFetched) -> None:
        self._waiting[batch.source, batch.channel] = batch
        self._read_waiting()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "clock":
            self._read_waiting()

    def _read_waiting(self) -> None:
        now = self._now()
        if now is None:
            self.tick_later("clock", CLOCK_EVERY_S)
            return
        while self._waiting:
            self._read(self._waiting.pop(next(iter(self._waiting))), now)

    def _read(self, batch: MessagesFetched, now: datetime) -> None:
        market_of = cache(self._market_of)
        outcomes = tuple(
            self._settle(message, now, market_of(message.channel), unread=batch.unread)
            for message in batch.messages
        )
        self._log_unreadable(batch, [one for one in outcomes if one.kind is OutcomeKind.DEAD_LETTER])
        self.send(
            WRITER,
            BatchParsed(
                batch_id=batch.batch_id,
                source=batch.source,
                channel=batch.channel,
                outcomes=outcomes,
                reread=batch.reread,
            ),
        )

    def _market_of(self, channel: str) -> Market:
        """Return the published market. If it is outdated, the ledger rereads the messages."""
        shown = self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot)
        entries = shown.value.channels if shown is not None else ()
        known = {entry.channel: entry.market for entry in entries}
        return known.get(channel) or self._markets.get(channel, Market.B3)

    def _settle(self, message: SourceMessage, now: datetime, market: Market, *, unread: bool) -> Outcome:
        if unread:
            error = "an actor died twice with this message alone in its batch; it was not reread"
            return dead_letter(message, reason="killed_actor", error=error)
        if isinstance(message, ChannelMessage):
            message = bounded(message, now)  # it may have been fetched before the database's time was known
        return settle(message, now=now, policy=self._policy, market=market)

    def _log_unreadable(self, batch: MessagesFetched, dead: list[Outcome]) -> None:
        """Log the messages that could not be read, one line per batch: a whole page may be unreadable (fault 46)."""
        if not dead:
            return
        self.log.warning(
            "batch.unreadable",
            batch_id=batch.batch_id,
            count=len(dead),
            reasons=sorted({outcome.reason for outcome in dead}),
            message_ids=[outcome.message.message_id for outcome in dead[:20]],
            error=dead[0].error,
        )
