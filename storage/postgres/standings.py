"""Keeps the standing of each signal in a table, so that lists can be filtered by it.

The ledger's transaction writes the standings of its new signals, and of the signals whose events it has changed. When a
day begins, the standings of those whose time has passed are written. Each such change has a commit number, so pages and
streams notice it as any other. Only :func:`standing_of` decides what a standing is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from psycopg import sql

from storage.postgres.commit_numbers import COMMIT_INSTANT
from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import to_json
from storage.postgres.reward_risk import reward_risk
from storage.postgres.standing import day_of, last_target_of, period_of, standing_of

__all__ = ["SETTLED_COLUMNS", "Key", "Standings", "fill", "key_of"]

#: the columns of a new signal that :meth:`Standings.settle` takes
SETTLED_COLUMNS = sql.SQL(
    """id, ts, channel, message_id, position, signal_type, side, asset, valid_until, buy_min, buy_max, targets,
    target_final, stop, warnings, commit_number, updated_at"""
)
_KNOWN = """
select id, ts, channel, message_id, position, signal_type, side, asset, valid_on, session_on, last_target,
    reward_risk, signal_commit
from {schema}.signal_standings as standing where (channel, message_id) in (
    select channel, message_id from json_to_recordset(%(keys)s) as key (channel text, message_id text))
"""
# the newest rules decide
_PRICED = """
select distinct on (id) id, state, case when state = 'expired' then ended_at end as priced_out_at
from {schema}.signal_outcomes where id = any(%(ids)s) order by id, rules desc
"""
_DUE = """
select channel, message_id from {schema}.signal_standings where ends_on < %(today)s
order by channel, message_id limit %(limit)s
"""
_TOLD = """
select id, channel, signal_message_id, signal_position, kind, ts, target, stop_hit, new_targets from {schema}.signal_events
where (channel, signal_message_id) in (
    select channel, message_id from json_to_recordset(%(keys)s) as key (channel text, message_id text))
order by ts, length(message_id), message_id, position
"""
# A row may be that of a former signal, if another version of the engine has replaced that signal. Instants of commits
# follow each other, so what a client has not seen yet is always newer than all that it has seen.
_WRITE = """
insert into {schema}.signal_standings (
    channel, message_id, position, id, ts, signal_type, side, asset, valid_on, session_on, last_target, status,
    since, reason, valid, ends_on, told, reward_risk, outcome, signal_commit, commit_number, updated_at)
select channel, message_id, position, id, ts, signal_type, side, asset, valid_on, session_on, last_target, status,
    since, reason, valid, ends_on, told, reward_risk, outcome, signal_commit, coalesce(%(number)s, signal_commit),
    coalesce(case when signal_commit = coalesce(%(number)s, signal_commit) then updated_at end,
        {instant}, clock_timestamp())
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, position smallint, id bigint, ts timestamptz, signal_type text, side text, asset text,
    valid_on date, session_on date, last_target smallint, status text, since timestamptz, reason text, valid boolean,
    ends_on date, told bigint,
    reward_risk numeric, outcome text, signal_commit bigint, updated_at timestamptz)
on conflict (channel, message_id, position) do update set
    id = excluded.id, ts = excluded.ts, signal_type = excluded.signal_type, side = excluded.side,
    asset = excluded.asset, valid_on = excluded.valid_on, session_on = excluded.session_on,
    last_target = excluded.last_target, status = excluded.status, since = excluded.since, reason = excluded.reason,
    valid = excluded.valid, ends_on = excluded.ends_on, told = excluded.told,
    reward_risk = excluded.reward_risk, outcome = excluded.outcome, signal_commit = excluded.signal_commit,
    commit_number = excluded.commit_number, updated_at = excluded.updated_at
"""
_MISSED = """
select {columns}, greatest(updated_at, (
    select max(event.created_at) from {schema}.signal_events as event
    where event.channel = signal.channel and event.signal_message_id = signal.message_id
        and event.signal_position = signal.position)) as updated_at
from {schema}.tp_capital_signals as signal
where id > %(after)s and id <= %(upto)s and row (
    (select coalesce(sum(event.id), 0)::bigint from {schema}.signal_events as event
    where event.channel = signal.channel and event.signal_message_id = signal.message_id
        and event.signal_position = signal.position),
    (select state from {schema}.signal_outcomes as outcome where outcome.id = signal.id order by rules desc limit 1))
is distinct from (
    select row (told, outcome) from {schema}.signal_standings as standing
    where standing.channel = signal.channel and standing.message_id = signal.message_id
        and standing.position = signal.position and standing.id = signal.id)
order by id
"""
# of signals that were dropped with their week, or that another version of the engine has replaced
_LEFT_OVER = """
delete from {schema}.signal_standings as standing
where id > %(after)s and id <= %(upto)s and not exists (
    select from {schema}.tp_capital_signals as signal where signal.id = standing.id and signal.ts = standing.ts)
"""
_NEWEST = """
select greatest((select max(id) from {schema}.tp_capital_signals), (select max(id) from {schema}.signal_standings)) as id
"""

Key = tuple[str, str]


class Standings:
    """Writes standings, inside a transaction that has drawn a commit number."""

    def __init__(self, schema: str) -> None:
        identifier = sql.Identifier(schema)
        (
            self._known,
            self._priced,
            self._due,
            self._told,
            self._write,
            self._missed,
            self._left_over,
            self._newest,
        ) = (
            sql.SQL(text).format(schema=identifier, columns=SETTLED_COLUMNS, instant=COMMIT_INSTANT)
            for text in (_KNOWN, _PRICED, _DUE, _TOLD, _WRITE, _MISSED, _LEFT_OVER, _NEWEST)
        )

    def settle(
        self,
        cursor: Cursor,
        came: Iterable[Mapping[str, Any]],
        touched: set[Key],
        *,
        number: int | None,
        today: date,
    ) -> int:
        """Write the standings of signals that ``came``, and of the signals of ``touched`` messages.

        ``touched`` names the messages whose signals got or lost events, or whose time has passed. A ``number`` of None
        writes signals that came as if it were done with their last change. Return the number of standings.
        """
        rows = {_place(row): _of_new(row) for row in came}
        events: dict[tuple[object, ...], list[dict[str, Any]]] = {}
        # prices say nothing yet of a signal that has just come
        priced: dict[int, dict[str, Any]] = {}
        if touched:
            keys = to_json([{"channel": key[0], "message_id": key[1]} for key in sorted(touched)]).decode()
            rows = {_place(row): row for row in cursor.execute(self._known, {"keys": keys})} | rows
            for event in cursor.execute(self._told, {"keys": keys}):
                place = event["channel"], event["signal_message_id"], event["signal_position"]
                events.setdefault(place, []).append(event)
            ids = [row["id"] for row in rows.values()]
            priced = {row["id"]: row for row in cursor.execute(self._priced, {"ids": ids})}
        if not rows:
            return 0
        settled = []
        for key, row in rows.items():
            heard, outcome = events.get(key, []), priced.get(row["id"], {})
            standing = standing_of({**row, **outcome}, heard, today=today)
            seen = {"told": sum(event["id"] for event in heard), "outcome": outcome.get("state")}
            settled.append({**row, **asdict(standing), **seen})
        cursor.execute(self._write, {"rows": to_json(settled).decode(), "number": number})
        return len(settled)

    def missed(self, cursor: Cursor, *, after: int, upto: int) -> list[dict[str, Any]]:
        """Return the signals of a range of ids whose standing is missing or outdated.

        There are some after an upgrade, and where another version of the engine or a person has written.
        """
        return cursor.execute(self._missed, {"after": after, "upto": upto}).fetchall()

    def drop_left_over(self, cursor: Cursor, *, after: int, upto: int) -> None:
        """Delete the standings of a range of ids whose signals are no longer stored."""
        cursor.execute(self._left_over, {"after": after, "upto": upto})

    def newest_id(self, cursor: Cursor) -> int:
        """Return the highest id of a signal or standing."""
        row = cursor.execute(self._newest).fetchone()
        return (row and row["id"]) or 0

    def due(self, cursor: Cursor, *, today: date, limit: int) -> set[Key]:
        """Return messages of signals whose time has passed, and whose standing does not say so yet."""
        return set(map(key_of, cursor.execute(self._due, {"today": today, "limit": limit})))


def fill(cursor: Cursor, schema: str, *, step: int = 20_000) -> None:
    """Write the standings of all stored signals, ``step`` ids at a time."""
    standings = Standings(schema)
    row = cursor.execute("select now() as now").fetchone()
    assert row is not None  # noqa: S101 - a select without a table has one row
    for after in range(0, standings.newest_id(cursor), step):
        missed = standings.missed(cursor, after=after, upto=after + step)
        standings.settle(cursor, missed, set(map(key_of, missed)), number=None, today=day_of(row["now"]))


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the message of a signal's row."""
    return row["channel"], row["message_id"]


def _of_new(signal: Mapping[str, Any]) -> dict[str, Any]:
    """Return what never changes in the standing of a signal."""
    valid_on, session_on = period_of(signal["ts"], signal["signal_type"], signal["valid_until"])
    return {
        **signal,
        "valid_on": valid_on,
        "session_on": session_on,
        "last_target": last_target_of(signal),
        "reward_risk": reward_risk(signal),
        "signal_commit": signal["commit_number"],
    }


def _place(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["channel"], row["message_id"], row["position"]
