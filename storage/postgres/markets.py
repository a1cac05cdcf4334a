"""The market of each channel at the moment of a commit (format catalogue, section 13).

The parser uses the market that it last learned. Right after a start or a change, that may be the former market. A
change of a market draws a commit number, as the ledger's transaction does, so the two never run at the same time.
The markets that the transaction reads here hold until its commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from engine.model import ChannelMessage, Market, Outcome, OutcomeKind
from storage.postgres.database import Cursor
from storage.postgres.halves import Rereader

__all__ = ["PresentMarkets"]

# A market that was set at run time takes precedence over the market of the settings.
_MARKETS = (
    "select channel, market from {schema}.channels where channel = any(%(channels)s) and market is not null"
)


class PresentMarkets:
    """Rereads messages that were read in a former market. ``settings`` maps channels to the markets of the settings."""

    def __init__(self, schema: str, reader: Rereader, settings: Mapping[str, Market]) -> None:
        self._reader = reader
        self._settings = dict(settings)
        self._statement = sql.SQL(_MARKETS).format(schema=sql.Identifier(schema))

    def of(self, cursor: Cursor, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes in the present markets of their channels."""
        channels = sorted({outcome.message.channel for outcome in outcomes})
        markets = {channel: self._settings.get(channel, Market.B3) for channel in channels}
        for row in cursor.execute(self._statement, {"channels": channels}):
            markets[row["channel"]] = Market(row["market"])
        return [self._in_market(outcome, markets[outcome.message.channel]) for outcome in outcomes]

    def _in_market(self, outcome: Outcome, market: Market) -> Outcome:
        message = outcome.message
        if outcome.market is market or outcome.kind is OutcomeKind.DEAD_LETTER:
            return outcome  # a dead letter may have killed an actor, so it must not be reread
        assert isinstance(message, ChannelMessage)  # noqa: S101 - a malformed one is a dead letter
        return self._reader.settle(message, market)
