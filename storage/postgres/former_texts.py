"""The other texts of a message: earlier ones, and ones that arrived late. The ledger holds one text of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import to_json

__all__ = ["FormerTexts"]

# A text is stored with the date that it first had, and with the time of the edit that replaced it. A ledger row may change only
# its date and keep its text. A message that had no text, as a picture without words, is remembered if an edit gave it one.
_REMEMBER = """
insert into {schema}.message_texts (channel, message_id, digest, sent_at, dated, commit_number, replaced_at)
select row.channel, row.message_id, coalesce({schema}.text_digest(row.text, row.caption), md5('')::uuid),
    coalesce(row.telegram_date, row.ts), row.telegram_date is not null, %(number)s,
    case when row.stood then held.message_updated_at end
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, text text, caption text, telegram_date timestamptz, ts timestamptz,
    message_updated_at timestamptz, stood boolean)
join {schema}.ledger as held using (channel, message_id)
where ({schema}.text_digest(row.text, row.caption) is not null
    or (row.stood and held.message_updated_at > row.message_updated_at)) and (
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
    names = ("channel", "message_id", "text", "caption", "telegram_date", "ts", "message_updated_at")
    return {name: row.get(name) for name in names}
