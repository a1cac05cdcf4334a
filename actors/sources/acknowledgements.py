"""The owed acknowledgements: sent in one request, repeated until accepted, split when one bad id fails the request."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.model import SourceMessage
from storage.errors import GatewayStatusError, GatewayUnauthorizedError
from storage.gateway.client import GatewayClient

__all__ = ["Acknowledgements", "Done", "Round"]

#: to isolate one bad id among 10,000 takes 2 x 14 requests; further bad ids wait for the next round
MAX_REQUESTS = 30
#: statuses that one bad id can cause; the real gateway answers 500 (fault 28)
SPLITTABLE = frozenset({400, 404, 409, 413, 422, 500})


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The result of a round of acknowledgements.

    ``requested`` counts the rows that were meant (one message may have two rows). ``updated`` is the gateway's
    count. ``refused`` ids are not sent again.
    """

    requested: int
    updated: int
    refused: tuple[str, ...]


@dataclass(slots=True)
class Done:
    """The acknowledgements that the gateway answered. ``rows`` are the acknowledged rows, as they were read.

    ``left``: the gateway left some rows unmarked because they were edited. ``compares``: it can detect such edits.
    """

    rows: list[SourceMessage] = field(default_factory=list)
    left: bool = False
    compares: bool = True


class Acknowledgements:
    """Durable messages that are not yet marked at the gateway.

    The key is the gateway's row id, because one message may have two rows. Each message is kept as it was read, so
    that a later edit is not acknowledged with it.
    """

    def __init__(self, channel: str, gateway: GatewayClient) -> None:
        self._channel = channel
        self._gateway = gateway
        self._rows: dict[str, SourceMessage] = {}
        self._done = Done()
        #: ids that were refused alone, in a round in which the gateway accepted none
        self._suspects: set[str] = set()

    @property
    def owed(self) -> int:
        """The number of rows to acknowledge."""
        return len(self._rows)

    @property
    def rows(self) -> Sequence[SourceMessage]:
        """The rows to acknowledge."""
        return tuple(self._rows.values())

    def add(self, messages: Iterable[SourceMessage]) -> None:
        """Add durable messages. A message without a usable id cannot be acknowledged and is left out."""
        self._rows.update((message.gateway_id, message) for message in messages if message.ack_id is not None)

    def take_done(self) -> Done:
        """Return what the gateway has answered since the last call. That includes rounds that failed in the end."""
        done, self._done = self._done, Done()
        return done

    def send(self) -> Round:
        """Acknowledge all owed rows, in one request unless the gateway refuses it.

        A refused request is halved until the bad id is alone. An id counts as bad only when the gateway accepted
        another id in this round. If it accepted none, the gateway itself is at fault.

        Raises:
            GatewayError: The gateway could not be reached, or it accepted nothing.
        """
        owed = dict.fromkeys(str(message.ack_id) for message in self._rows.values())
        # Suspects come last, so that they do not use up every round.
        ids = sorted(owed, key=lambda ack_id: ack_id in self._suspects)
        requested, updated, refused = 0, 0, []
        refusal: GatewayStatusError | None = None
        queue = deque([ids])
        for _ in range(MAX_REQUESTS):
            if not queue:
                break
            part = queue.popleft()
            try:
                marked = self._gateway.mark_processed(self._channel, part, read=self._rows_of(part))
            except GatewayUnauthorizedError:
                raise
            except GatewayStatusError as error:
                if error.status not in SPLITTABLE:
                    raise
                refusal = error
                if len(part) == 1:
                    refused += part
                else:
                    # Depth first, so that one bad id is alone before several of them use up the round.
                    queue.extendleft((part[len(part) // 2 :], part[: len(part) // 2]))
            else:
                updated += marked.updated
                self._done.left |= bool(marked.left)
                self._done.compares &= marked.left is not None
                # Rows that the gateway left unmarked are not counted as requested. If they were, ``updated`` could
                # include rows of another channel and still not exceed ``requested``.
                requested += self._forget(part) - len(marked.left or ())
        if refusal is not None and requested == 0:
            self._suspects.update(refused)
            raise refusal
        for row in self._rows_of(refused):
            del self._rows[row.gateway_id]
        return Round(requested=requested, updated=updated, refused=tuple(refused))

    def _rows_of(self, ack_ids: Iterable[str]) -> list[SourceMessage]:
        wanted = set(ack_ids)
        return [row for row in self._rows.values() if row.ack_id in wanted]

    def _forget(self, acknowledged: Iterable[str]) -> int:
        """Remove the rows of acknowledged ids. Return their number."""
        rows = self._rows_of(acknowledged)
        for row in rows:
            del self._rows[row.gateway_id]
        self._done.rows += rows
        return len(rows)
