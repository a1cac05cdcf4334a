"""Copies the digests of texts from the ledger, commit by commit. Old rows are matched to messages by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from psycopg import sql
from psycopg.rows import DictRow

from storage.legacy.joining import Group
from storage.legacy.matching import Posting
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import LEGACY_PREFIX

__all__ = ["Gathered", "MessageTexts"]

#: the most messages of one transaction, because the writer waits meanwhile
_MOST = 1000

_NEXT = """
select channel, message_id, {schema}.text_digest(text, caption) as digest, coalesce(telegram_date, ts) as sent_at,
    telegram_date is not null as dated, commit_number
from {schema}.ledger where commit_number > %(after)s
order by commit_number fetch first (%(most)s) rows with ties
"""
_GATHER = f"""
with next as materialized ({_NEXT}),
gathered as (
    insert into {{schema}}.message_texts (channel, message_id, digest, sent_at, dated, commit_number)
    select * from next where digest is not null and not starts_with(message_id, %(prefix)s)
    on conflict do nothing)
select count(*) as messages, max(commit_number) as until from next
"""  # noqa: S608 - our own words
_GROUPS = """
select distinct channel, digest::text from {schema}.message_texts join {schema}.legacy_rows using (channel, digest)
where commit_number > %(after)s and commit_number <= %(until)s
"""
_PEEK = f"""
select channel, digest::text, message_id, date_trunc('milliseconds', sent_at) as sent_at, dated, commit_number
from ({_NEXT}) as next
"""  # noqa: S608 - our own words
_SETTLED = "select commit_number from {schema}.legacy_settled"
_LOCK = f"{_SETTLED} for update"
_SET = "update {schema}.legacy_settled set commit_number = %(until)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The ``groups`` of old rows whose texts have arrived, and whether ``more`` texts are waiting."""

    groups: frozenset[Group]
    more: bool


class MessageTexts:
    """Follows the ledger. ``legacy_settled`` stores its progress."""

    def __init__(self, schema: str) -> None:
        self._schema = sql.Identifier(schema)

    def gather(self, cursor: Cursor, number: int) -> Gathered:
        """Copy texts up to the caller's commit ``number``. The caller settles the rows of the returned ``groups``."""
        after = self._settled(cursor, _LOCK)
        values = {"after": after, "most": _MOST, "prefix": LEGACY_PREFIX}
        row = cursor.execute(self._sql(_GATHER), values).fetchone()
        assert row is not None  # noqa: S101 - a count is one row
        more = row["messages"] >= _MOST
        until = row["until"] if more else number
        groups = cursor.execute(self._sql(_GROUPS), {"after": after, "until": until}).fetchall()
        cursor.execute(self._sql(_SET), {"until": until})
        return Gathered(groups=frozenset((row["channel"], row["digest"]) for row in groups), more=more)

    def peek(self, database: Database) -> Iterator[tuple[Group, Posting]]:
        """Yield the groups that are still to be gathered, and write nothing."""
        after = database.read(lambda cursor: self._settled(cursor, _SETTLED))
        while page := database.read(partial(self._page, after=after)):
            after = page[-1]["commit_number"]
            for row in page:
                if row["digest"] is not None and not row["message_id"].startswith(LEGACY_PREFIX):
                    group = row["channel"], row["digest"]
                    yield group, Posting(row["message_id"], row["sent_at"], row["dated"])

    def _page(self, cursor: Cursor, *, after: int) -> list[DictRow]:
        return cursor.execute(self._sql(_PEEK), {"after": after, "most": _MOST}).fetchall()

    def _settled(self, cursor: Cursor, statement: str) -> int:
        row = cursor.execute(self._sql(statement)).fetchone()
        assert row is not None  # noqa: S101 - the migration wrote the row
        return int(row["commit_number"])

    def _sql(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(schema=self._schema)
