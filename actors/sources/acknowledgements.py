"""What is owed an acknowledgement: one request a batch, repeated until it is taken, split when one id spoils it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.model import SourceMessage
from storage.errors import GatewayStatusError, GatewayUnauthorizedError
from storage.gateway.client import GatewayClient

__all__ = ["Acknowledgements", "Done", "Round"]

#: halving 10,000 ids down to one bad one takes 2 x 14 requests; of several bad ones the rest waits
MAX_REQUESTS = 30
#: statuses that may speak of one id in the request; the real gateway says 500 (fault 28)
SPLITTABLE = frozenset({400, 404, 409, 413, 422, 500})


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round of acknowledging did.

    ``requested`` counts the rows meant (a message may stand in two), ``updated`` is the gateway's count;
    ``refused`` ids are not sent again.
    """

    requested: int
    updated: int
    refused: tuple[str, ...]


@dataclass(slots=True)
class Done:
    """What the gateway has answered: ``rows`` it was told of, as they were read.

    ``left`` says that it left some unmarked, edited since; ``compares`` whether it knows how to.
    """

    rows: list[SourceMessage] = field(default_factory=list)
    left: bool = False
    compares: bool = True


class Acknowledgements:
    """Durable messages that the gateway does not know to be read.

    Keyed by the gateway's row id, for a message may stand there twice. Each stands here as it was read: an edit
    that came later is not acknowledged with it.
    """

    def __init__(self, channel: str, gateway: GatewayClient) -> None:
        self._channel = channel
        self._gateway = gateway
        self._rows: dict[str, SourceMessage] = {}
        self._done = Done()
        #: ids that were refused alone in a round in which the gateway took none
        self._suspects: set[str] = set()

    @property
    def owed(self) -> int:
        """Number of rows whose acknowledgement is to be sent."""
        return len(self._rows)

    @property
    def rows(self) -> Sequence[SourceMessage]:
        """The rows whose acknowledgement is to be sent."""
        return tuple(self._rows.values())

    def add(self, messages: Iterable[SourceMessage]) -> None:
        """Take durable messages over; one without a usable id is beyond an acknowledgement."""
        self._rows.update((message.gateway_id, message) for message in messages if message.ack_id is not None)

    def take_done(self) -> Done:
        """Return what the gateway has answered since the last call, by rounds that failed later on too."""
        done, self._done = self._done, Done()
        return done

    def send(self) -> Round:
        """Acknowledge all that is owed, in one request unless the gateway refuses it.

        A refused request is halved until the bad id is alone. It counts as bad only when the gateway
        took another one in this round: else the gateway itself is what is wrong.

        Raises:
            GatewayError: the gateway could not be asked, or took nothing at all.
        """
        owed = dict.fromkeys(str(message.ack_id) for message in self._rows.values())
        # suspects last, so that a round is not used up by the same ones again and again
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
                    # the first half first: several bad ids must not use up the round before one is alone
                    queue.extendleft((part[len(part) // 2 :], part[: len(part) // 2]))
            else:
                updated += marked.updated
                self._done.left |= bool(marked.left)
                self._done.compares &= marked.left is not None
                # what is left comes by the next poll: counted, or a row of another channel would hide behind it
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
        """Forget the rows of acknowledged ids; return how many there were."""
        rows = self._rows_of(acknowledged)
        for row in rows:
            del self._rows[row.gateway_id]
        self._done.rows += rows
        return len(rows)
