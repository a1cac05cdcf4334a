"""The other texts of a message: earlier ones, and ones that arrived late. The ledger holds one text of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import to_json

__all__ = ["FormerTexts"]

# A text is stored with the date that it first had. A ledger row may change only its date and keep its text.
_REMEMBER = """
insert into {schema}.message_texts (channel, message_id, digest, sent_at, dated, commit_number)
select row.channel, row.message_id, {schema}.text_digest(row.text, row.caption), coalesce(row.telegram_date, row.ts),
    row.telegram_date is not null, %(number)s
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, text text, caption text, telegram_date timestamptz, ts timestamptz, stood boolean)
join {schema}.ledger as held using (channel, message_id)
where {schema}.text_digest(row.text, row.caption) is not null and (
    ((row.text, row.caption) is distinct from (held.text, held.caption)
        and {schema}.text_digest(row.text, row.caption)
            is distinct from {schema}.text_digest(held.text, held.caption))
    or (row.stood and coalesce(row.telegram_date, row.ts)
        is distinct from coalesce(held.telegram_date, held.ts)))
on conflict do nothing
"""


class FormerTexts:
    """Remembers texts by their digests, inside the ledger's transaction."""

    def __init__(self, schema: str) -> None:
        self._statement = sql.SQL(_REMEMBER).format(schema=sql.Identifier(schema))

    def remember(
        self,
        cursor: Cursor,
        *,
        stood: Sequence[Mapping[str, Any]],
        late: Sequence[Mapping[str, Any]],
        number: int,
    ) -> None:
        """Store the texts of rows that ``stood`` in the ledger until now, and of rows that came ``late``."""
        rows = [_columns(row) | {"stood": True} for row in stood]
        rows += [_columns(row) | {"stood": False} for row in late]
        if rows:
            cursor.execute(self._statement, {"rows": to_json(rows).decode(), "number": number})


def _columns(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: row.get(name) for name in ("channel", "message_id", "text", "caption", "telegram_date", "ts")
    }
