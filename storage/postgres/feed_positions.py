"""How far a reader of the feed of commits has come. A reader may lag or die without holding up the writer.

Two daemons may read for the same reader at once. Each moves the position from where it found it, so a position never
goes back, and who was overtaken reads it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from storage.postgres.database import Cursor, Database

__all__ = ["FeedPosition", "FeedPositions"]

_LAST_ID = 2**63 - 1

_COLUMNS = "number, id, channels"
_BEGIN = f"""
insert into {{schema}}.feed_positions (reader, number, id)
select %(reader)s, number, %(last)s from {{schema}}.commits
on conflict (reader) do update set reader = excluded.reader
returning {_COLUMNS}
"""  # noqa: S608 - our own column list
_MOVE = """
update {schema}.feed_positions
set number = %(number)s, id = %(id)s, channels = %(channels)s, moved_at = now()
where reader = %(reader)s and number = %(from_number)s and id = %(from_id)s
    and channels is not distinct from %(from_channels)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPosition:
    """Everything up to signal ``id`` of commit ``number`` was read, and these ``channels`` were told."""

    number: int
    id: int
    channels: Mapping[str, Any] | None = None


class FeedPositions:
    """The position of one ``reader``. All calls may raise ``StorageError``."""

    def __init__(self, database: Database, *, reader: str) -> None:
        self._database = database
        self._reader = reader
        schema = sql.Identifier(database.schema)
        self._begin, self._move = (sql.SQL(text).format(schema=schema) for text in (_BEGIN, _MOVE))

    def begin(self) -> FeedPosition:
        """Return the position. A new reader begins at the newest commit."""
        return self._database.write(self.begin_within)

    def begin_within(self, cursor: Cursor) -> FeedPosition:
        """Do the same in the caller's transaction."""
        with cursor.connection.cursor(row_factory=class_row(FeedPosition)) as found:
            row = found.execute(self._begin, {"reader": self._reader, "last": _LAST_ID}).fetchone()
        assert row is not None  # noqa: S101 - an insert that returns, of a table that always has its row
        return row

    def move(self, before: FeedPosition, after: FeedPosition) -> bool:
        """Move from one position to another. Return False if it is no longer ``before``."""
        # A repeated write finds the position moved by its first try, and the caller reads it anew.
        return self._database.write(lambda cursor: self.move_within(cursor, before, after))

    def move_within(self, cursor: Cursor, before: FeedPosition, after: FeedPosition) -> bool:
        """Do the same in the caller's transaction."""
        values = {
            "reader": self._reader,
            **_values(after),
            **{f"from_{name}": value for name, value in _values(before).items()},
        }
        return cursor.execute(self._move, values).rowcount == 1


def _values(position: FeedPosition) -> dict[str, Any]:
    channels = None if position.channels is None else Jsonb(dict(position.channels))
    return {"number": position.number, "id": position.id, "channels": channels}
