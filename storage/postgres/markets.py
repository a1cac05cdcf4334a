"""The market of each channel at the moment of a commit (format catalogue, section 13).

The parser reads by the market that it last heard of. Right after a start, or after somebody changed it, that may
be the former one. Changes of a market draw a commit number as writers do, so they take turns with them: what the
ledger's transaction reads here holds until its commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from engine.model import ChannelMessage, Market, Outcome, OutcomeKind
from storage.postgres.database import Cursor
from storage.postgres.halves import Rereader

__all__ = ["PresentMarkets"]

# A market that was set at run time counts before that of the settings.
_MARKETS = (
    "select channel, market from {schema}.channels where channel = any(%(channels)s) and market is not null"
)


class PresentMarkets:
    """Has outcomes read again that were read in a former market. ``settings`` are the markets by channel there."""

    def __init__(self, schema: str, reader: Rereader, settings: Mapping[str, Market]) -> None:
        self._reader = reader
        self._settings = dict(settings)
        self._statement = sql.SQL(_MARKETS).format(schema=sql.Identifier(schema))

    def of(self, cursor: Cursor, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes, each in the market that its channel has now."""
        channels = sorted({outcome.message.channel for outcome in outcomes})
        markets = {channel: self._settings.get(channel, Market.B3) for channel in channels}
        for row in cursor.execute(self._statement, {"channels": channels}):
            markets[row["channel"]] = Market(row["market"])
        return [self._in_market(outcome, markets[outcome.message.channel]) for outcome in outcomes]

    def _in_market(self, outcome: Outcome, market: Market) -> Outcome:
        message = outcome.message
        if outcome.market is market or outcome.kind is OutcomeKind.DEAD_LETTER:
            return outcome  # a dead letter may be one that must not be read again: it killed an actor
        assert isinstance(message, ChannelMessage)  # noqa: S101 - a malformed one is a dead letter
        return self._reader.settle(message, market)
