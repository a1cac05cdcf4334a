"""The table of channels: those that were added at run time, and the label and market of any channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from engine.model import Market
from storage.postgres.commit_numbers import draw_number
from storage.postgres.database import Cursor, Database

__all__ = [
    "CHANNEL_COLUMNS",
    "COUNT_CAP",
    "Added",
    "ChannelCounts",
    "ChannelLimitError",
    "ChannelRow",
    "Channels",
    "Removed",
]

#: counting stops here, so that a query about many channels stays short
COUNT_CAP = 100_000

CHANNEL_COLUMNS = "channel, label, source, added_at, market"

_LOAD = f"""
select {CHANNEL_COLUMNS} from {{schema}}.channels
where channel = any(%(settings)s) or (source = 'api' and removed_at is null)
order by added_at, channel
"""  # noqa: S608 - our own column list
_ENTER = """
insert into {schema}.channels (channel, source)
select channel, 'settings' from unnest(%(settings)s::text[]) as own (channel)
on conflict (channel) do nothing
"""
_ADD = f"""
insert into {{schema}}.channels as known (channel, label, market, source)
values (%(channel)s, %(label)s, %(market)s, case when %(in_settings)s then 'settings' else 'api' end)
on conflict (channel) do update set
    label = case when %(keep_label)s then known.label else excluded.label end,
    market = case when %(keep_market)s then known.market else excluded.market end,
    source = case when %(in_settings)s then known.source else 'api' end,
    added_at = case when %(is_read)s then known.added_at else now() end,
    removed_at = case when %(in_settings)s then known.removed_at end
returning {CHANNEL_COLUMNS}
"""  # noqa: S608 - our own column list
_REMOVE = f"""
update {{schema}}.channels set removed_at = now()
where channel = %(channel)s and source = 'api' and removed_at is null
returning {CHANNEL_COLUMNS}, removed_at
"""  # noqa: S608 - our own column list
_MARKETS = "select channel, market from {schema}.channels where market is not null"
# the index ledger_received gives the newest message without a search; both counts stop at the cap
_COUNTS = """
select wanted.channel,
    (select count(*) from (
        select from {schema}.ledger where ledger.channel = wanted.channel limit %(cap)s) as capped) as messages,
    (select count(*) from (
        select from {schema}.tp_capital_signals as signal
        where signal.channel = wanted.channel and signal.ts > now() - %(retention)s
        limit %(cap)s) as capped) as signals,
    (select received_at from {schema}.ledger
        where ledger.channel = wanted.channel and received_at <= now() + interval '5 minutes'
        order by received_at desc limit 1) as newest_received_at
from unnest(%(channels)s::text[]) as wanted (channel)
"""


class ChannelLimitError(Exception):
    """The limit of channels is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """A channel of the table. ``added_at`` is when it was last added.

    A ``market`` of None means the market of the settings.
    """

    channel: str
    label: str | None
    source: str
    added_at: datetime
    market: Market | None = None

    def __post_init__(self) -> None:
        """Convert the column's word to a market."""
        if self.market is not None:
            object.__setattr__(self, "market", Market(self.market))


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The result of adding. ``created``: it was not read before. ``commit_number`` is the number of the change."""

    row: ChannelRow
    created: bool
    commit_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The result of removing."""

    row: ChannelRow
    removed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCounts:
    """The stored rows of a channel. ``messages``, and ``signals`` within retention, count up to ``COUNT_CAP``."""

    messages: int
    signals: int
    newest_received_at: datetime | None


class Channels:
    """The table of channels. ``settings`` names those that are always read."""

    def __init__(self, database: Database, *, settings: Sequence[str], retention: timedelta) -> None:
        self._database = database
        self._settings = tuple(settings)
        self._retention = retention
        schema = sql.Identifier(database.schema)
        self._sql = {
            name: sql.SQL(text).format(schema=schema)
            for name, text in {
                "load": _LOAD,
                "enter": _ENTER,
                "add": _ADD,
                "remove": _REMOVE,
                "counts": _COUNTS,
                "markets": _MARKETS,
            }.items()
        }

    def enter_settings(self) -> None:
        """Store the channels of the settings with the time when they were first read."""
        values = {"settings": list(self._settings)}
        self._database.write(lambda cursor: cursor.execute(self._sql["enter"], values))

    def load(self) -> tuple[ChannelRow, ...]:
        """Return the rows of the channels to read, the oldest first.

        A channel of the settings may have no row. It is read all the same.
        """
        return self._database.read(self._load)

    def add(
        self,
        channel: str,
        *,
        label: str | None,
        keep_label: bool,
        market: Market | None = None,
        keep_market: bool = True,
        most: int,
    ) -> Added:
        """Add a channel, or change the label or market of a channel that is read.

        ``keep_label`` and ``keep_market`` keep the stored value. A market of None means the market of the settings.
        Messages that were read before keep their readings until ``replay --apply``.

        Raises:
            ChannelLimitError: the channel is new, and ``most`` channels are read already.
        """
        in_settings = channel in self._settings

        def work(cursor: Cursor) -> Added:
            # pages of signals show labels, so a change raises their generation; changes also take turns
            number = draw_number(cursor, self._database.schema).number
            read = {row.channel for row in self._load(cursor)}.union(self._settings)
            if channel not in read and len(read) >= most:
                raise ChannelLimitError
            values: dict[str, object] = {
                "channel": channel,
                "label": label,
                "keep_label": keep_label,
                "market": None if market is None else market.value,
                "keep_market": keep_market,
                "in_settings": in_settings,
                "is_read": channel in read,
            }
            with cursor.connection.cursor(row_factory=class_row(ChannelRow)) as rows:
                row = rows.execute(self._sql["add"], values).fetchone()
            assert row is not None  # noqa: S101 - an upsert without a condition returns its row
            return Added(row=row, created=channel not in read, commit_number=number)

        return self._database.write(work)

    def remove(self, channel: str) -> Removed | None:
        """Remove a channel that was added at run time. Return None if there is no such channel."""

        def work(cursor: Cursor) -> Removed | None:
            draw_number(cursor, self._database.schema)
            row: dict[str, Any] | None = cursor.execute(self._sql["remove"], {"channel": channel}).fetchone()
            if row is None:
                return None
            removed_at = row.pop("removed_at")
            return Removed(row=ChannelRow(**row), removed_at=removed_at)

        return self._database.write(work)

    def markets(self) -> dict[str, Market]:
        """Return the markets that were set at run time, by channel. They take precedence over the settings."""

        def work(cursor: Cursor) -> dict[str, Market]:
            return {row["channel"]: Market(row["market"]) for row in cursor.execute(self._sql["markets"])}

        return self._database.read(work)

    def counts(self, channels: Sequence[str]) -> dict[str, ChannelCounts]:
        """Return the counts of the stored rows of these channels."""
        values = {"channels": list(channels), "retention": self._retention, "cap": COUNT_CAP}

        def work(cursor: Cursor) -> dict[str, ChannelCounts]:
            return {
                row.pop("channel"): ChannelCounts(**row)
                for row in cursor.execute(self._sql["counts"], values)
            }

        return self._database.read(work)

    def _load(self, cursor: Cursor) -> tuple[ChannelRow, ...]:
        with cursor.connection.cursor(row_factory=class_row(ChannelRow)) as rows:
            return tuple(rows.execute(self._sql["load"], {"settings": list(self._settings)}))
