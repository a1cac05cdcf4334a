"""The alerts that are due, and those that were sent.

The alerts that commits call for and the position of their reader are written in one transaction. So a commit is looked at
once, whatever dies when. An alert is due until a target has taken it, so it is sent at least once.

Writes of alerts take turns: they never take more than one of the two connections that the writer of signals has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TypeVar

from psycopg import sql
from psycopg.rows import class_row, dict_row, scalar_row

from storage.postgres.alert_values import (
    AlertCounts,
    AlertDraft,
    DueAlert,
    SignalKey,
    StoredAlert,
    Told,
    identity_of,
)
from storage.postgres.database import Cursor, Database
from storage.postgres.feed_positions import FeedPosition, FeedPositions
from storage.postgres.ledger_rows import to_json

__all__ = ["AlertDeliveries"]

T = TypeVar("T")
#: ended alerts are kept for so long
KEPT = timedelta(days=30)
_DRAFT = "rule_id, target_id, identity, source, kind, signal_id, channel, message_id, position, posted_at, title, text, body, asked"
_SHOWN = "id, identity, target_id, kind, signal_id, state, reason, attempts, posted_at, created_at, next_at, ended_at, title, text"
_INSERT = f"""
insert into {{schema}}.alert_deliveries ({_DRAFT}, next_at, created_at)
values ({", ".join(f"%({name})s" for name in _DRAFT.split(", "))}, %(now)s, %(now)s)
on conflict (target_id, source) do nothing
"""  # noqa: S608 - our own column lists
_TOLD = """
select target_id, channel, message_id, position, identity, signal_id, state, created_at from {schema}.alert_deliveries
where kind = 'signal' and (channel, message_id, position) in (
    select channel, message_id, position from json_to_recordset(%(keys)s) as key (
        channel text, message_id text, position smallint))
order by id
"""
_TARGETS = """
select target_id from {schema}.alert_deliveries as due join {schema}.alert_targets as target on target.id = target_id
where state = 'due' and next_at <= %(now)s and off_at is null group by target_id order by min(next_at)
"""
# What was asked for comes first. Else the oldest comes first, also while it waits for another try.
_NEXT = """
select due.id, due.rule_id, due.identity, due.kind, due.title, due.text, due.body, due.asked, due.held, due.attempts,
    due.next_at, due.created_at, standing.status as signal_status,
    exists (select from {schema}.alert_deliveries as first
        where first.target_id = due.target_id and first.kind = 'signal' and first.state = 'skipped'
            and first.channel = due.channel and first.message_id = due.message_id and first.position = due.position
    ) as signal_was_left_out
from {schema}.alert_deliveries as due left join {schema}.signal_standings as standing on standing.id = due.signal_id
where due.target_id = %(target_id)s and due.state = 'due' order by due.asked desc, due.id limit 1
"""
_END = """
update {schema}.alert_deliveries set state = %(state)s, reason = %(reason)s, attempts = attempts + %(tried)s, ended_at = %(now)s
where id = %(id)s and state = 'due'
"""
_POSTPONE = """
update {schema}.alert_deliveries set reason = %(reason)s, attempts = attempts + %(tried)s, next_at = %(next_at)s
where id = %(id)s and state = 'due'
"""
_HOLD = """
update {schema}.alert_deliveries set reason = 'quiet hours', next_at = %(until)s, held = true
where target_id = %(target_id)s and state = 'due' and not asked and next_at < %(until)s
"""
_SWITCH_OFF = (
    "update {schema}.alert_targets set off_reason = %(reason)s, off_at = %(now)s where id = %(target_id)s"
)
_LEAVE_OUT = """
update {schema}.alert_deliveries set state = 'skipped', reason = 'the target was switched off', ended_at = %(now)s
where target_id = %(target_id)s and state = 'due'
"""
_PAGE = f"""
select {_SHOWN} from {{schema}}.alert_deliveries
where rule_id = %(rule_id)s and (%(before)s::bigint is null or id < %(before)s)
    and (%(state)s::text is null or state = %(state)s)
order by id desc limit %(limit)s
"""  # noqa: S608 - our own column list
_RETRY = """
update {schema}.alert_deliveries as ended
set state = 'due', asked = true, attempts = 0, next_at = %(now)s, ended_at = null, reason = null
from {schema}.alert_targets as target
where ended.id = %(id)s and ended.rule_id = %(rule_id)s and ended.state in ('dead', 'skipped')
    and target.id = ended.target_id and target.off_at is null
"""
_COUNTS = """
select count(*) as due,
    min(created_at) filter (where reason is distinct from 'quiet hours') as oldest_due_at,
    (array_agg(reason order by id) filter (where reason <> 'quiet hours'))[1] as reason
from {schema}.alert_deliveries where state = 'due'
"""
_FORGET = "delete from {schema}.alert_deliveries where ended_at < %(before)s"
_INCIDENTS = "select name, since from {schema}.alert_incidents"
_BEGIN = "insert into {schema}.alert_incidents (name, since) values (%(name)s, %(since)s) on conflict (name) do nothing"
_CLOSE = "delete from {schema}.alert_incidents where name = any(%(names)s)"


_STATEMENTS = {
    "insert": _INSERT,
    "told": _TOLD,
    "targets": _TARGETS,
    "next": _NEXT,
    "end": _END,
    "postpone": _POSTPONE,
    "hold": _HOLD,
    "switch_off": _SWITCH_OFF,
    "leave_out": _LEAVE_OUT,
    "page": _PAGE,
    "retry": _RETRY,
    "counts": _COUNTS,
    "forget": _FORGET,
    "incidents": _INCIDENTS,
    "begin": _BEGIN,
    "close": _CLOSE,
}


class AlertDeliveries:
    """The table of alerts. Times are passed in. All calls may raise ``StorageError``. It is safe for threads."""

    def __init__(self, database: Database, positions: FeedPositions) -> None:
        self._database = database
        self._positions = positions
        self._turn = threading.Lock()
        schema = sql.Identifier(database.schema)
        self._sql = {name: sql.SQL(text).format(schema=schema) for name, text in _STATEMENTS.items()}

    # ── writing alerts ───────────────────────────────────────────────────────

    def told(self, keys: Collection[SignalKey]) -> dict[tuple[int, SignalKey], Told]:
        """Return which targets were told of these signals."""
        if not keys:
            return {}
        values = {"keys": to_json([key._asdict() for key in keys]).decode()}
        found: dict[tuple[int, SignalKey], Told] = {}
        for row in self._database.ask(self._sql["told"], values, dict_row):
            key = SignalKey(row["channel"], row["message_id"], row["position"])
            told = Told(**{name: row[name] for name in ("identity", "signal_id", "state", "created_at")})
            found.setdefault((row["target_id"], key), told)
        return found

    def plan(
        self, drafts: Sequence[AlertDraft], before: FeedPosition, after: FeedPosition, *, now: datetime
    ) -> bool:
        """Write alerts and move the position, both or neither. Return False if the position is no longer ``before``."""

        def work(cursor: Cursor) -> bool:
            if not self._positions.move_within(cursor, before, after):
                return False
            self._insert(cursor, drafts, now)
            return True

        return self._write(work)

    def add(self, drafts: Sequence[AlertDraft], *, now: datetime) -> None:
        """Write alerts that no commit calls for."""
        self._write(lambda cursor: self._insert(cursor, drafts, now))

    def incidents(self) -> dict[str, datetime]:
        """Return the troubles that were told and have not ended, with their beginning."""
        rows = self._database.ask(self._sql["incidents"], {}, dict_row)
        return {row["name"]: row["since"] for row in rows}

    def turn_incidents(
        self,
        begun: Mapping[str, datetime],
        ended: Collection[str],
        drafts: Sequence[AlertDraft],
        *,
        now: datetime,
    ) -> None:
        """Note which troubles have begun and ended, and write the alerts that tell of it."""

        def work(cursor: Cursor) -> None:
            for name, since in begun.items():
                cursor.execute(self._sql["begin"], {"name": name, "since": since})
            cursor.execute(self._sql["close"], {"names": list(ended)})
            self._insert(cursor, drafts, now)

        self._write(work)

    def _insert(self, cursor: Cursor, drafts: Sequence[AlertDraft], now: datetime) -> None:
        for draft in drafts:
            key = draft.key._asdict() if draft.key else dict.fromkeys(SignalKey._fields)
            values = {name: value for name, value in asdict(draft).items() if name != "key"}
            identity = identity_of(draft.target_id, draft.source)
            cursor.execute(self._sql["insert"], {**values, **key, "identity": identity, "now": now})

    # ── sending them ─────────────────────────────────────────────────────────

    def targets_due(self, now: datetime) -> list[int]:
        """Return the targets that something may be sent to now, the longest wait first."""
        return self._database.ask(self._sql["targets"], {"now": now}, scalar_row)

    def next_of(self, target_id: int) -> DueAlert | None:
        """Return what this target is to get next, whether its time has come or not."""
        found = self._database.ask(self._sql["next"], {"target_id": target_id}, class_row(DueAlert))
        return found[0] if found else None

    def end(self, alert_id: int, state: str, *, reason: str | None, tried: bool, now: datetime) -> None:
        """Note that an alert was sent, is dead or is left out."""
        values = {"id": alert_id, "state": state, "reason": reason, "tried": int(tried), "now": now}
        self._write(lambda cursor: cursor.execute(self._sql["end"], values))

    def postpone(self, alert_id: int, *, reason: str, next_at: datetime, tried: bool) -> None:
        """Note when an alert is due again."""
        values = {"id": alert_id, "reason": reason, "next_at": next_at, "tried": int(tried)}
        self._write(lambda cursor: cursor.execute(self._sql["postpone"], values))

    def hold(self, target_id: int, until: datetime) -> None:
        """Hold back what is due to a target until its quiet hours end."""
        values = {"target_id": target_id, "until": until}
        self._write(lambda cursor: cursor.execute(self._sql["hold"], values))

    def switch_off(self, target_id: int, alert_id: int, *, reason: str, now: datetime) -> None:
        """Send this target nothing any more. The alert that it refused is dead, and the others are left out."""
        ended = {"id": alert_id, "state": "dead", "reason": reason, "tried": 1, "now": now}

        def work(cursor: Cursor) -> None:
            cursor.execute(self._sql["end"], ended)
            cursor.execute(self._sql["switch_off"], {"target_id": target_id, "reason": reason, "now": now})
            cursor.execute(self._sql["leave_out"], {"target_id": target_id, "now": now})

        self._write(work)

    # ── for persons ──────────────────────────────────────────────────────────

    def page(
        self, rule_id: int, *, before: int | None, state: str | None, limit: int
    ) -> tuple[list[StoredAlert], bool]:
        """Return a page of a rule's alerts, the newest first, and whether there are more."""
        values = {"rule_id": rule_id, "before": before, "state": state, "limit": limit + 1}
        found = self._database.ask(self._sql["page"], values, class_row(StoredAlert))
        return found[:limit], len(found) > limit

    def retry(self, rule_id: int, alert_id: int, *, now: datetime) -> bool:
        """Make a dead alert or one that was left out due. Return False if there is none, or its target is off."""
        values = {"rule_id": rule_id, "id": alert_id, "now": now}
        return self._write(lambda cursor: cursor.execute(self._sql["retry"], values).rowcount == 1)

    def counts(self) -> AlertCounts:
        """Return how many alerts are due."""
        return self._database.ask(self._sql["counts"], {}, class_row(AlertCounts))[0]

    def forget(self, now: datetime) -> None:
        """Remove alerts that ended long ago."""
        self._write(lambda cursor: cursor.execute(self._sql["forget"], {"before": now - KEPT}))

    def _write(self, work: Callable[[Cursor], T]) -> T:
        with self._turn:
            return self._database.write(work)
