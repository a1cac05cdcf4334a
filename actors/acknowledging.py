"""Acknowledging at the gateway: one request a batch, repeated until it is taken, split when one id spoils it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from engine.model import SourceMessage
from storage.errors import GatewayStatusError, GatewayUnauthorizedError
from storage.gateway import GatewayClient

__all__ = ["SPLITTABLE", "Acknowledged", "Acknowledger"]

#: halving 10,000 ids down to one bad one takes 2 x 14 requests; of several bad ones the rest waits
MAX_REQUESTS = 30
#: statuses that may speak of one id in the request; the real gateway says 500 (fault 28)
SPLITTABLE = frozenset({400, 404, 409, 413, 422, 500})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What a round of acknowledging did.

    ``requested`` counts the rows meant (a message may stand in two), ``updated`` is the gateway's count;
    ``refused`` ids are not sent again.
    """

    requested: int
    updated: int
    refused: tuple[str, ...]


class Acknowledger:
    """Durable messages that the gateway still lists: owed an acknowledgement, or beyond one.

    Keyed by the gateway's row id, for a message may stand there twice.
    """

    def __init__(self, channel: str, gateway: GatewayClient) -> None:
        self._channel = channel
        self._gateway = gateway
        self._ack_ids: dict[str, str | None] = {}
        #: ids that were refused alone in a round in which the gateway took none
        self._suspects: set[str] = set()

    @property
    def count(self) -> int:
        """Number of rows that a page will hold again."""
        return len(self._ack_ids)

    @property
    def owed(self) -> int:
        """Number of rows whose acknowledgement is to be sent."""
        return sum(ack_id is not None for ack_id in self._ack_ids.values())

    def add(self, messages: Iterable[SourceMessage]) -> None:
        """Take durable messages over."""
        self._ack_ids.update((message.gateway_id, message.ack_id) for message in messages)

    def holds(self, message: SourceMessage) -> bool:
        """Return whether this row is durable already and merely not acknowledged."""
        return message.gateway_id in self._ack_ids

    def send(self) -> Acknowledged:
        """Acknowledge all that is owed, in one request unless the gateway refuses it.

        A refused request is halved until the bad id is alone. It counts as bad only when the gateway
        took another one in this round: else the gateway itself is what is wrong.

        Raises:
            GatewayError: the gateway could not be asked, or took nothing at all.
        """
        owed = dict.fromkeys(ack_id for ack_id in self._ack_ids.values() if ack_id is not None)
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
                updated += self._gateway.mark_processed(self._channel, part)
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
                requested += self._forget(set(part))
        if refusal is not None and requested == 0:
            self._suspects.update(refused)
            raise refusal
        if refused:
            given_up = set(refused)
            self._ack_ids = {row: None if ack in given_up else ack for row, ack in self._ack_ids.items()}
        return Acknowledged(requested=requested, updated=updated, refused=tuple(refused))

    def _forget(self, acknowledged: set[str]) -> int:
        """Forget the rows of acknowledged ids; return how many there were."""
        before = len(self._ack_ids)
        self._ack_ids = {row: ack for row, ack in self._ack_ids.items() if ack not in acknowledged}
        return before - len(self._ack_ids)
