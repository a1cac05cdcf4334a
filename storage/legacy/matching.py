"""Matches rows of the former service's table to messages, among those of one channel and text.

Pure. The result depends on the set of rows and messages, never on their order of arrival. Among the pairs that are at
most a day apart, the nearest pair is joined first, then the nearest of the remaining ones. Both sides prefer the nearer
partner, so there is exactly one stable matching. Then the remaining rows, oldest first, are joined with the remaining
messages that have no date of their own, lowest number first. Adding a message never un-matches a row that was matched.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["FURTHEST", "Node", "Posting", "doubles_of", "match"]

#: a row and a message further apart than this do not belong together (CONTRACT)
FURTHEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the old table. ``place`` is its rank in the order of the import."""

    legacy_id: str
    place: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """A message that has or had the text, with its date at that time.

    A message that is not ``dated`` has only the instant of its receipt, which means nothing after a back-fill.
    """

    message_id: str
    sent_at: datetime
    dated: bool = True


def doubles_of(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the rows that repeat an earlier row of the same instant, each mapped to that earlier row.

    The former service had no unique key, so two running at once stored a message twice.
    """
    first: dict[datetime, str] = {}
    doubles = {}
    for node in sorted(nodes, key=lambda node: node.place):
        known = first.setdefault(node.sent_at, node.legacy_id)
        if known != node.legacy_id:
            doubles[node.legacy_id] = known
    return doubles


def match(nodes: Sequence[Node], postings: Sequence[Posting]) -> dict[str, str]:
    """Return the message of each matched row. The ``nodes`` have different instants."""
    found: dict[str, str] = {}
    taken: set[str] = set()

    def join(node: Node, posting: Posting) -> None:
        if node.legacy_id not in found and posting.message_id not in taken:
            found[node.legacy_id] = posting.message_id
            taken.add(posting.message_id)

    # nothing is nearer than the same instant, and nearly all pairs have the same instant
    at_once = defaultdict(list)
    for posting in postings:
        at_once[posting.sent_at].append(posting)
    for node in nodes:
        if same := at_once.get(node.sent_at):
            join(node, min(same, key=_rank))
    rows = [node for node in nodes if node.legacy_id not in found]
    messages = sorted((p for p in postings if p.message_id not in taken), key=lambda p: p.sent_at)
    dates = [posting.sent_at for posting in messages]
    pairs = [
        (abs(node.sent_at - posting.sent_at), node.sent_at, _rank(posting), node, posting)
        for node in rows
        for posting in messages[
            bisect_left(dates, node.sent_at - FURTHEST) : bisect_right(dates, node.sent_at + FURTHEST)
        ]
    ]
    for *_, node, posting in sorted(pairs, key=lambda pair: pair[:3]):
        join(node, posting)
    left = sorted((node for node in nodes if node.legacy_id not in found), key=lambda node: node.sent_at)
    undated = {p.message_id: p for p in messages if not p.dated and p.message_id not in taken}
    for node, posting in zip(left, sorted(undated.values(), key=_rank), strict=False):
        join(node, posting)
    return found


def _rank(posting: Posting) -> tuple[int, str]:
    """Return a sort key that puts lower message numbers first."""
    return len(posting.message_id), posting.message_id
