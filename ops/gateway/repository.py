"""The gateway's queries. Finding and marking are one statement each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, LiteralString

import orjson
from psycopg import sql
from psycopg.rows import dict_row, scalar_row

from ops.gateway.marking import MARK
from ops.gateway.params import HistoryQuery, RowRead, UnprocessedQuery
from ops.gateway.records import MessageRecord, message_json
from storage.postgres.database import Cursor, Database

__all__ = ["COLUMNS", "Repository"]

#: the advisory lock that prevents two imports from inserting the same messages
IMPORT_LOCK = 4010_2027

#: A message with its consumers, as :func:`message_json` takes it. JSON stays text, because a number in it may have more
#: digits than our encoder writes.
COLUMNS: LiteralString = """
    m.id, m.channel_id, m.message_id, m.thread_id, m.source, m.message_type, m.text, m.caption,
    m.media_type, m.media_refs::text, m.status, m.processed_by, m.received_at, m.telegram_date,
    m.published_at, m.metadata::text, m.created_at, m.updated_at,
    ARRAY(SELECT c.processed_by FROM telegram_gateway.message_consumers c
          WHERE c.message_row = m.id ORDER BY c.processed_at, c.processed_by) AS consumers"""

# The first branch finds rows with a wanted status. The second finds rows that had a wanted status until another consumer
# marked them, which made them `published`. The third finds messages that their channel has deleted, with their last text;
# of one that was deleted before it came there is no text to tell. The two ranges of processed_by let the index skip all rows that this
# consumer itself marked last.
_CANDIDATES: LiteralString = """
    (SELECT m.id, m.received_at FROM telegram_gateway.messages m
     WHERE m.channel_id = %(channel)s AND m.status = ANY(%(statuses)s)
       AND (%(exclude)s::text IS NULL OR m.processed_by IS NULL OR NOT EXISTS (
            SELECT FROM telegram_gateway.message_consumers c
            WHERE c.message_row = m.id AND c.processed_by = %(exclude)s))
     ORDER BY m.received_at, m.id LIMIT %(limit)s)
    UNION ALL
    (SELECT m.id, m.received_at FROM telegram_gateway.messages m
     WHERE m.channel_id = %(channel)s AND m.base_status = ANY(%(statuses)s)
       AND m.status <> ALL(%(statuses)s) AND m.status <> 'deleted'
       AND (m.processed_by < %(exclude)s::text OR m.processed_by > %(exclude)s::text)
       AND (%(age_s)s::float8 IS NULL
            OR m.published_at > clock_timestamp() - make_interval(secs => %(age_s)s::float8))
       AND NOT EXISTS (
            SELECT FROM telegram_gateway.message_consumers c
            WHERE c.message_row = m.id AND c.processed_by = %(exclude)s)
     ORDER BY m.received_at, m.id LIMIT %(limit)s)
    UNION ALL
    (SELECT m.id, m.received_at FROM telegram_gateway.messages m
     WHERE %(deleted)s::boolean AND m.channel_id = %(channel)s AND m.deleted_at IS NOT NULL
       AND m.telegram_date IS NOT NULL
       AND (m.processed_by IS NULL OR m.processed_by < %(exclude)s::text OR m.processed_by > %(exclude)s::text)
       AND NOT EXISTS (
            SELECT FROM telegram_gateway.message_consumers c
            WHERE c.message_row = m.id AND c.processed_by = %(exclude)s)
     ORDER BY m.received_at, m.id LIMIT %(limit)s)"""

_FIND = sql.SQL("""
    WITH candidates AS ({candidates})
    SELECT {columns} FROM candidates JOIN telegram_gateway.messages m USING (id)
    ORDER BY m.received_at, m.id LIMIT %(limit)s""").format(
    candidates=sql.SQL(_CANDIDATES), columns=sql.SQL(COLUMNS)
)

_CHANGED = sql.SQL("SELECT EXISTS ({candidates}) AS found").format(candidates=sql.SQL(_CANDIDATES))

_MATCHING: LiteralString = """
    FROM telegram_gateway.messages m
    WHERE (m.status <> 'deleted' OR %(deleted)s AND m.deleted_at IS NOT NULL AND m.telegram_date IS NOT NULL)
      AND (%(channel)s::text IS NULL OR m.channel_id = %(channel)s)
      AND (%(statuses)s::text[] IS NULL OR m.status = ANY(%(statuses)s))
      AND (%(since)s::timestamptz IS NULL OR m.received_at >= %(since)s)
      AND (%(before)s::timestamptz IS NULL OR m.received_at < %(before)s)
      AND (%(search)s::text IS NULL OR m.text ILIKE %(search)s OR m.caption ILIKE %(search)s)"""

# The total is computed beside the page, so it is right beyond the end too. The page is chosen by id first, because
# otherwise the columns of skipped rows would be computed too.
_HISTORY: LiteralString = """
    WITH page AS (SELECT m.id {matching} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s),
         counted AS (SELECT count(*) AS total {matching})
    SELECT counted.total, {columns} FROM counted LEFT JOIN (
        SELECT m.* FROM page JOIN telegram_gateway.messages m USING (id)) m ON true
    ORDER BY {order}"""


def _history(order: LiteralString) -> sql.Composed:
    return sql.SQL(_HISTORY).format(
        columns=sql.SQL(COLUMNS), matching=sql.SQL(_MATCHING), order=sql.SQL(order)
    )


_HISTORY_UP = _history("m.telegram_date ASC NULLS LAST, m.id ASC")
_HISTORY_DOWN = _history("m.telegram_date DESC NULLS FIRST, m.id DESC")

_GET = sql.SQL(
    "SELECT {columns} FROM telegram_gateway.messages m WHERE m.id = %(id)s AND m.status <> 'deleted'"
).format(columns=sql.SQL(COLUMNS))

# The text of a photo message is its caption. updated_at always increases, even if the old value lies in the future,
# because a reader takes the later one for the newer text.
_REPROCESS = sql.SQL("""
    UPDATE telegram_gateway.messages m
    SET status = 'reprocess_pending',
        text = CASE WHEN %(text)s::text IS NULL OR (m.text IS NULL AND m.media_type IS NOT NULL)
                    THEN m.text ELSE %(text)s END,
        caption = CASE WHEN %(text)s::text IS NOT NULL AND m.text IS NULL AND m.media_type IS NOT NULL
                       THEN %(text)s ELSE m.caption END,
        updated_at = CASE WHEN %(text)s::text IS NULL THEN m.updated_at
                          ELSE greatest(clock_timestamp(), m.updated_at + interval '1 millisecond') END
    WHERE m.id = %(id)s AND m.status <> 'deleted'
    RETURNING {columns}""").format(columns=sql.SQL(COLUMNS))

# A message is already there in two cases: a row has its source id, or a row has the same channel, message, text and date
# and the source ids do not contradict.
_INSERT: LiteralString = """
    WITH inserted AS (
        INSERT INTO telegram_gateway.messages (
            channel_id, message_id, source_id, thread_id, source, message_type, text, caption,
            media_type, media_refs, status, processed_by, received_at, telegram_date, published_at,
            metadata, created_at, updated_at)
        SELECT r.channel_id, r.message_id, r.source_id, r.thread_id, r.source, r.message_type, r.text,
            r.caption, r.media_type, r.media_refs, r.status, r.processed_by,
            coalesce(r.received_at, now()), r.telegram_date, r.published_at, r.metadata,
            coalesce(r.created_at, now()), coalesce(r.updated_at, now())
        FROM ROWS FROM (json_to_recordset(%(rows)s::json) AS (
            channel_id text, message_id text, source_id text, thread_id text, source text,
            message_type text, text text, caption text, media_type text, media_refs jsonb, status text,
            processed_by text, received_at timestamptz, telegram_date timestamptz,
            published_at timestamptz, metadata jsonb, created_at timestamptz, updated_at timestamptz
        )) WITH ORDINALITY AS r
        WHERE NOT EXISTS (
            SELECT FROM telegram_gateway.messages m
            WHERE m.message_id = r.message_id AND m.channel_id = r.channel_id
              AND (m.source_id = r.source_id
                   OR (m.text IS NOT DISTINCT FROM r.text AND m.caption IS NOT DISTINCT FROM r.caption
                       AND m.telegram_date IS NOT DISTINCT FROM r.telegram_date
                       AND (m.source_id IS NULL OR r.source_id IS NULL))))
        ORDER BY r.ordinality
        RETURNING 1
    )
    SELECT count(*) AS inserted FROM inserted"""


class Repository:
    """The gateway's queries over a database. All of them may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_unprocessed(self, query: UnprocessedQuery) -> list[dict[str, Any]]:
        """Return messages in the form of the API, the first received first."""
        rows = self._database.ask(_FIND, _unprocessed(query, None), dict_row)
        return [message_json(row) for row in rows]

    def changed_since(self, query: UnprocessedQuery, age_s: float) -> bool:
        """Return whether something came for ``query`` in the last ``age_s`` seconds. This is cheap.

        Waiting rows count at any age. Rows that another consumer marked count only if it marked them within ``age_s``.
        """
        (found,) = self._database.ask(_CHANGED, _unprocessed(query, age_s) | {"limit": 1}, scalar_row)
        return bool(found)

    def mark_processed(
        self, ids: Sequence[str], *, by: str, channel: str | None, read: Sequence[RowRead] | None = None
    ) -> tuple[int, list[str]]:
        """Mark messages as processed by one consumer. Return the number of marked rows and the ids of rows left unmarked.

        ``read`` holds the rows as the consumer read them. A row that has changed since is left unmarked.
        """
        versions = None if read is None else orjson.dumps([row.model_dump() for row in read]).decode()
        params = {"ids": list(ids), "by": by, "channel": channel, "read": versions}
        (row,) = self._database.write(_rows(MARK, params))
        return int(row["updated"]), list(row["left_rows"])

    def history(self, query: HistoryQuery) -> tuple[list[dict[str, Any]], int]:
        """Return a page and the number of all matching messages."""
        statement = _HISTORY_DOWN if query.sort == "desc" else _HISTORY_UP
        params = _with_lists(query) | {"search": _like(query.search)}
        rows = self._database.read(_rows(statement, params))
        return [message_json(row) for row in rows if row["id"] is not None], int(rows[0]["total"])

    def get(self, row_id: int) -> dict[str, Any] | None:
        """Return one message in the form of the API."""
        return _first(self._database.read(_rows(_GET, {"id": row_id})))

    def reprocess(self, row_id: int, text: str | None) -> dict[str, Any] | None:
        """Request that consumers reread a message. Give it a new text if there is one."""
        return _first(self._database.write(_rows(_REPROCESS, {"id": row_id, "text": text})))

    def channels(self) -> list[str]:
        """Return the ids of all channels that have messages."""
        rows = self._database.read(
            _rows("SELECT DISTINCT channel_id FROM telegram_gateway.messages ORDER BY channel_id", {})
        )
        return [str(row["channel_id"]) for row in rows]

    def insert_many(self, records: Sequence[MessageRecord]) -> int:
        """Insert the messages that are missing, and return their number."""
        rows = orjson.dumps([asdict(record) for record in _single(records)]).decode()

        def insert(cursor: Cursor) -> int:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (IMPORT_LOCK,))
            (row,) = cursor.execute(_INSERT, {"rows": rows}).fetchall()
            return int(row["inserted"])

        return self._database.write(insert)

    def ping(self) -> None:
        """Check that the messages can be read."""
        self._database.check(lambda cursor: cursor.execute("SELECT FROM telegram_gateway.messages LIMIT 1"))


def _rows(
    statement: LiteralString | sql.Composed, params: dict[str, Any]
) -> Callable[[Cursor], list[dict[str, Any]]]:
    return lambda cursor: cursor.execute(statement, params).fetchall()


def _first(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return message_json(rows[0]) if rows else None


def _with_lists(query: UnprocessedQuery | HistoryQuery) -> dict[str, Any]:
    """Return the parameters of a statement. The driver makes an array from a list, but not from a tuple."""
    return query.model_dump() | {"statuses": None if query.statuses is None else list(query.statuses)}


def _unprocessed(query: UnprocessedQuery, age_s: float | None) -> dict[str, Any]:
    return _with_lists(query) | {"age_s": age_s}


def _like(search: str | None) -> str | None:
    if search is None:
        return None
    for special in ("\\", "%", "_"):
        search = search.replace(special, "\\" + special)
    return f"%{search}%"


def _single(records: Sequence[MessageRecord]) -> list[MessageRecord]:
    """Leave out doubles within one batch, by the same rule as the statement."""
    kept: list[MessageRecord] = []
    sources: dict[tuple[object, ...], set[str | None]] = {}
    ids: set[tuple[str, str, str]] = set()
    for record in records:
        key = (record.channel_id, record.message_id, record.text, record.caption, record.telegram_date)
        known = sources.setdefault(key, set())
        source = record.source_id
        if known and (source is None or None in known):
            continue
        if source is not None:
            if (record.channel_id, record.message_id, source) in ids:
                continue
            ids.add((record.channel_id, record.message_id, source))
        known.add(source)
        kept.append(record)
    return kept
