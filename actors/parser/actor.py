"""Parser: reads each message of a batch; one that cannot be read costs itself only."""

from __future__ import annotations

from actors.parser import read
from actors.parser.outcome import OutcomePolicy, body_of, dead_letter, is_filtered, outcome_of
from actors.source import WRITER
from engine.actor import Actor, Context
from engine.messages import BatchParsed, MessagesFetched
from engine.model import MalformedMessage, Outcome, OutcomeKind, SourceMessage

__all__ = ["Parser"]


class Parser(Actor):
    """Turns fetched messages into outcomes. Stateless: the grammar inside is a pure function."""

    def __init__(self, context: Context, *, policy: OutcomePolicy) -> None:
        super().__init__(context)
        self._policy = policy

    def _on_messages_fetched(self, batch: MessagesFetched) -> None:
        outcomes = tuple(self._settle(message, unread=batch.unread) for message in batch.messages)
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
        if isinstance(message, MalformedMessage):
            self.log.warning(
                "message.malformed",
                message_id=message.message_id,
                gateway_id=message.gateway_id,
                error=message.error,
            )
            return dead_letter(message, reason="malformed", error=message.error)
        if is_filtered(body_of(message), self._policy.text_filter):
            return Outcome(
                message=message, kind=OutcomeKind.FILTERED, reason="text_filter", ts=message.received_at
            )
        try:
            reading = read(message.text, message.caption)
            return outcome_of(message, reading, now=self.clock.now(), policy=self._policy)
        except Exception as error:  # a bug of the grammar must cost one message, and be seen
            self.log.exception("message.unreadable", message_id=message.message_id)
            return dead_letter(message, reason="unreadable", error=f"{type(error).__name__}: {error}")
