"""Parser: reads each message of a batch; one that cannot be read costs itself only."""

from __future__ import annotations

from actors.parser.outcome import OutcomePolicy, dead_letter, settle
from actors.source import WRITER
from engine.actor import Actor, Context
from engine.messages import BatchParsed, MessagesFetched
from engine.model import Outcome, OutcomeKind, SourceMessage

__all__ = ["Parser"]


class Parser(Actor):
    """Turns fetched messages into outcomes. Stateless: the grammar inside is a pure function."""

    def __init__(self, context: Context, *, policy: OutcomePolicy) -> None:
        super().__init__(context)
        self._policy = policy

    def _on_messages_fetched(self, batch: MessagesFetched) -> None:
        outcomes = tuple(self._settle(message, unread=batch.unread) for message in batch.messages)
        self._tell_dead(batch, [one for one in outcomes if one.kind is OutcomeKind.DEAD_LETTER])
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

    def _settle(self, message: SourceMessage, *, unread: bool) -> Outcome:
        if unread:
            error = "an actor died twice with this message alone in its batch; it was not read again"
            return dead_letter(message, reason="killed_actor", error=error)
        return settle(message, now=self.clock.now(), policy=self._policy)

    def _tell_dead(self, batch: MessagesFetched, dead: list[Outcome]) -> None:
        """Say what could not be read, in one line a batch: a page may hold nothing else (fault 46)."""
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
