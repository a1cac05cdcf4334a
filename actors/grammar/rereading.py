"""The grammar as the ledger's transaction asks for it: in the market of this moment, and by halves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from actors.grammar.grammar import read
from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import ChannelMessage, FirstHalf, Market, Outcome, Reading

__all__ = ["GrammarReader"]


class GrammarReader:
    """Rereads texts, by the operator's policy. Stateless, so threads may share it.

    ``now`` is the database's instant, which every transaction tells at its begin.
    """

    def __init__(self, *, policy: OutcomePolicy, now: Callable[[], datetime | None]) -> None:
        self._policy = policy
        self._now = now

    def settle(self, message: ChannelMessage, market: Market) -> Outcome:
        """Return where a message ends in another market."""
        now = self._now()
        assert now is not None  # noqa: S101 - asked inside a transaction, whose begin has told it
        return settle(message, now=now, policy=self._policy, market=market)

    def read(
        self, text: str | None, caption: str | None, market: Market, half_of: FirstHalf | None
    ) -> Reading:
        """Return the reading of a text, as the completion of ``half_of`` where there is one."""
        return read(text, caption, market=market, half_of=half_of)
