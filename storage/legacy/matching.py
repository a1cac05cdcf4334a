"""Which row of the former service's table is which message, among those of one channel and text.

Pure. The answer depends on the rows and messages there are, never on who came first. Among pairs no further
apart than a day the nearest one is joined, then the nearest of what is left: a stable matching in which both
sides agree on what is better, so there is just one. What is left of the rows is joined, oldest first, with what is
left of the messages that have no date of their own, lowest number first. It follows that a message more never leaves
a row without one that had one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["FURTHEST", "Node", "Posting", "doubles_of", "match"]

#: rows and messages further apart than this are two (CONTRACT)
FURTHEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the old table: ``place`` is its rank in the order in which rows were taken."""

    legacy_id: str
    place: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """A message that has or had the text, and the date it had it with.

    One that is not ``dated`` has only the instant of its receipt, which after a back-fill says nothing.
    """

    message_id: str
    sent_at: datetime
    dated: bool = True


def doubles_of(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the rows that say again what an earlier one said at the same instant, each with that one.

    The former service had no unique key: two of it at once stored a message twice.
    """
    first: dict[datetime, str] = {}
    doubles = {}
    for node in sorted(nodes, key=lambda node: node.place):
        known = first.setdefault(node.sent_at, node.legacy_id)
        if known != node.legacy_id:
            doubles[node.legacy_id] = known
    return doubles


def match(nodes: Sequence[Node], postings: Sequence[Posting]) -> dict[str, str]:
    """Return the message of each row that has one; ``nodes`` are of different instants."""
    found: dict[str, str] = {}
    taken: set[str] = set()

    def join(node: Node, posting: Posting) -> None:
        if node.legacy_id not in found and posting.message_id not in taken:
            found[node.legacy_id] = posting.message_id
            taken.add(posting.message_id)

    # nothing is nearer than the same instant, and nearly all are of it
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
    """Put the lower of two message numbers first."""
    return len(posting.message_id), posting.message_id
