"""Joins old rows and messages, in the transaction that imports rows or follows the ledger.

``storage/legacy/matching.py`` decides. This module compares its decision with the stored state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from psycopg import sql

from storage.legacy.matching import Node, Posting, doubles_of, match
from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import LEGACY_PREFIX, to_json

__all__ = ["Group", "LegacyPlaces", "Settled", "StoredGroup", "legacy_key"]

#: rows of one channel that hold one text: (channel, digest)
Group = tuple[str, str]

_NODES = """
select legacy_id, place, channel, digest::text, sent_at, fate, message_id
from json_to_recordset(%(groups)s) as wanted (channel text, digest uuid)
join {schema}.legacy_rows using (channel, digest)
where fate in ('new', 'kept', 'expired', 'known')
"""

# The date of a message is the one that it first had with this text. The former service stored milliseconds.
_POSTINGS = """
select channel, digest::text, message_id, date_trunc('milliseconds', sent_at) as sent_at, dated
from json_to_recordset(%(groups)s) as wanted (channel text, digest uuid)
join {schema}.message_texts using (channel, digest) where not starts_with(message_id, %(prefix)s)
"""

# one statement for all rows, because the unique key is checked at its end
_JOIN = """
update {schema}.legacy_rows as known set
    fate = row.fate, message_id = row.message_id, double_of = row.double_of,
    replaced_at = case when known.fate in ('kept', 'expired') then now() else known.replaced_at end
from json_to_recordset(%(rows)s) as row (legacy_id text, fate text, message_id text, double_of text)
where known.legacy_id = row.legacy_id
"""


def legacy_key(legacy_id: str) -> str:
    """Return the message id of an old row in the ledger."""
    return LEGACY_PREFIX + legacy_id


@dataclass(slots=True)
class StoredGroup:
    """The rows and messages of one text in a channel. ``fates`` holds each row with its message."""

    nodes: list[Node] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    fates: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def add(self, posting: Posting) -> None:
        """Add a message that has the text now. If it is already known with this text, its first date is kept."""
        if all(known.message_id != posting.message_id for known in self.postings):
            self.postings.append(posting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The changes that follow from joining.

    ``gone`` holds the ledger keys of rows whose message has arrived. ``unmatched`` holds the ids of rows without a
    message that must be written now.
    """

    gone: tuple[tuple[str, str], ...]
    unmatched: tuple[str, ...]


class LegacyPlaces:
    """Finds the message of each old row, in a transaction of the caller that has drawn a commit number."""

    def __init__(self, schema: str) -> None:
        identifier = sql.Identifier(schema)
        self._nodes, self._postings, self._join = (
            sql.SQL(text).format(schema=identifier) for text in (_NODES, _POSTINGS, _JOIN)
        )

    def settle(self, cursor: Cursor, groups: Iterable[Group]) -> Settled:
        """Join the rows and messages of these texts, and write every difference from the stored state."""
        changes: list[dict[str, str | None]] = []
        gone: list[tuple[str, str]] = []
        unmatched: list[str] = []
        for (channel, _), group in self.load(cursor, groups).items():
            new = {legacy_id for legacy_id, (fate, _) in group.fates.items() if fate == "new"}
            doubles = doubles_of(group.nodes)
            changes += [_change(row, "double", double_of=doubles[row]) for row in doubles.keys() & new]
            nodes = [node for node in group.nodes if node.legacy_id not in doubles]
            found = match(nodes, group.postings)
            for node in nodes:
                fate, message_id = group.fates[node.legacy_id]
                if (other := found.get(node.legacy_id)) is not None:
                    if (fate, message_id) != ("known", other):
                        changes.append(_change(node.legacy_id, "known", message_id=other))
                    if fate in ("kept", "expired"):
                        gone.append((channel, legacy_key(node.legacy_id)))
                elif fate in ("new", "known"):
                    # a nearer row took its message, or it never had one
                    changes.append(_change(node.legacy_id, "new"))
                    unmatched.append(node.legacy_id)
        if changes:
            cursor.execute(self._join, {"rows": to_json(changes).decode()})
        return Settled(gone=tuple(gone), unmatched=tuple(unmatched))

    def load(self, cursor: Cursor, groups: Iterable[Group]) -> dict[Group, StoredGroup]:
        """Return the rows and messages of these texts. Ledger rows that stand for an old row are no messages."""
        wanted = to_json([{"channel": channel, "digest": digest} for channel, digest in sorted(set(groups))])
        parameters = {"groups": wanted.decode(), "prefix": LEGACY_PREFIX}
        stored: dict[Group, StoredGroup] = defaultdict(StoredGroup)
        for row in cursor.execute(self._nodes, parameters):
            group = stored[row["channel"], row["digest"]]
            group.nodes.append(Node(row["legacy_id"], row["place"], row["sent_at"]))
            group.fates[row["legacy_id"]] = row["fate"], row["message_id"]
        for row in cursor.execute(self._postings, parameters):
            group = stored[row["channel"], row["digest"]]
            group.postings.append(Posting(row["message_id"], row["sent_at"], row["dated"]))
        return stored


def _change(
    legacy_id: str, fate: str, *, message_id: str | None = None, double_of: str | None = None
) -> dict[str, str | None]:
    return {"legacy_id": legacy_id, "fate": fate, "message_id": message_id, "double_of": double_of}
