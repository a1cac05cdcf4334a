"""Reads signals: key-set pages with any filter, one signal, and the signals of new commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.rows import scalar_row, tuple_row

from storage.postgres.current import current_of
from storage.postgres.database import Cursor, Database
from storage.postgres.enriched_rows import enriched_of
from storage.postgres.ledger_rows import to_json
from storage.postgres.orders import After
from storage.postgres.page_query import SignalQuery, counted_by, found_by, windows_of
from storage.postgres.reward_risk import reward_risk
from storage.postgres.standing import day_of, standing_of

__all__ = [
    "DETAIL_COLUMNS",
    "EVENT_COLUMNS",
    "JOIN",
    "LABEL",
    "SIGNAL_COLUMNS",
    "STANDING",
    "Changes",
    "Place",
    "Signals",
    "StoredPage",
]

SIGNAL_COLUMNS = sql.SQL(
    """id, ts, channel, signal_type, side, asset, buy_min, buy_max, targets, target_final, stop, valid_until,
    warnings, raw_message, source, message_id, position, ingested_at, created_at, updated_at, commit_number"""
)
#: all columns of a signal; a page leaves out the last two
DETAIL_COLUMNS = sql.SQL("{}, provenance, grammar_version").format(SIGNAL_COLUMNS)
#: the columns of a signal's events
EVENT_COLUMNS = sql.SQL(
    """channel, signal_message_id, signal_position, kind, ts, message_id, text, asset, target, stop_hit, new_stop,
    new_targets, new_entry, breakeven, fraction, price, percent"""
)
# The join has no condition: an empty page is one row of nulls beside the commit number. Each standing is looked up: for a
# join the planner reads all of them while there are few, which takes longer than the rest.
_PLACES = """
select commits.number, place.* from {schema}.commits left join lateral (
    select page.id, page.ts, (select date_part('epoch', standing.updated_at) from {schema}.signal_standings as standing
        where standing.id = page.id and standing.ts = page.ts limit 1) as changed_s, known.label, page.key
    from ({found}) as page
    left join {schema}.channels as known on known.channel = page.channel
    order by {order}) as place on true
"""
#: of two columns with one name, the later one counts
STANDING = """
standing.status, standing.since as status_since, standing.reason as status_reason, standing.valid, standing.told,
standing.reward_risk,
coalesce(standing.updated_at, {row}.updated_at) as updated_at
"""
JOIN = "left join {schema}.signal_standings as standing on standing.id = {row}.id and standing.ts = {row}.ts"
# with the bounds of ts the server skips all weeks that hold none of them
_ROWS = """
select page.*, {standing}, date_part('epoch', standing.updated_at) as changed_s
from (select {columns} from {table} where id = any(%(ids)s) and ts between %(first)s and %(last)s) as page {join}
"""
# Signal rows hold no label. It is looked up for each row. A change of a label draws a commit number, so a page of
# that generation has the new label.
LABEL = "(select label from {schema}.channels as known where known.channel = {row}.channel) as channel_label"
_ONE = """
select one.*, {label}, {standing}
from (select {columns} from {table} where id = %(id)s and ts > now() - %(retention)s) as one {join}
"""
_EVENTS = """
select id, {columns} from {schema}.signal_events
where (channel, signal_message_id, signal_position) in (
    select channel, message_id, position from json_to_recordset(%(keys)s) as key (
        channel text, message_id text, position smallint))
    and (%(as_of)s::bigint is null or commit_number <= %(as_of)s)
order by ts, length(message_id), message_id, position
"""
# New, changed and removed signals in one order: numbers are in commit order, and a replacing signal has the higher id.
# These tables have no weeks, so only the rows that are told are looked for in the weeks of signals.
_CHANGES = """
select changes.*, {label}
from (
    (select commit_number as number, id, ts, null::timestamptz as superseded_at, signal_commit,
        channel, message_id, position, signal_type, side, asset, null::bigint as replaced_by
    from {schema}.signal_standings
    where (commit_number, id) > (%(number)s, %(id)s) and commit_number <= %(upto)s and ts > now() - %(retention)s
    order by commit_number, id limit %(limit)s)
    union all
    (select superseded_by, id, ts, superseded_at, commit_number, channel, message_id, position, signal_type, side, asset,
        (select id from {schema}.signal_standings as present
        where present.channel = replaced.channel and present.message_id = replaced.message_id
            and present.position = replaced.position) as replaced_by
    from {history} as replaced
    where (superseded_by, id) > (%(number)s, %(id)s) and superseded_by <= %(upto)s
    order by superseded_by, id limit %(limit)s)
) as changes order by number, id limit %(limit)s
"""
#: how often a page is read that other transactions change meanwhile
_ATTEMPTS = 3


class Place(NamedTuple):
    """The place of a signal in a page, and everything that distinguishes its states.

    Rows of signals are written once, and each change of status or events is written with its instant. So equal places
    mean the same signal with the same label, status and events, also in a restored database that uses an id twice.
    """

    id: int
    ts: datetime
    #: when its status or events last changed, in seconds; None is not known
    changed_s: float | None
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """The places of a page and the requested rows, both in the page's order.

    ``after`` is the place after which the next page begins, or None on the last page. ``count`` is the number of
    signals on all pages, if it was asked for. Places and rows are as of ``commit_number``, the newest one then. A row is
    keyed by column. It also holds ``channel_label``, ``events`` in order of time, the ``current`` values that follow
    from the events, what prices say as ``enriched``, and ``status``, ``status_since``, ``status_reason`` and ``valid``.
    """

    places: Sequence[Place] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    after: After | None = None
    count: int | None = None
    commit_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of signals in commit order. More may follow after the place ``reached``; None is the end."""

    rows: tuple[Mapping[str, Any], ...]
    reached: tuple[int, int] | None = None


class Signals:
    """Reads the signals table. ``retention`` hides older signals, even if they are still stored."""

    def __init__(self, database: Database, *, retention: timedelta) -> None:
        self._database = database
        self._table = sql.Identifier(database.schema, "tp_capital_signals")
        self._schema = schema = sql.Identifier(database.schema)
        self._events = sql.SQL(_EVENTS).format(columns=EVENT_COLUMNS, schema=schema)
        self._rows = self._formatted(_ROWS, "page", SIGNAL_COLUMNS)
        self._one = self._formatted(_ONE, "one", DETAIL_COLUMNS)
        self._changes = self._formatted(_CHANGES, "changes", SIGNAL_COLUMNS)
        self._retention = retention

    def find(
        self,
        query: SignalQuery,
        unknown: Callable[[Sequence[Place]], Sequence[Place]] = lambda places: places,
        *,
        counted: bool = False,
    ) -> StoredPage:
        """Return one page.

        A place names what a signal is ordered by and its id, so it stays valid while rows are added. ``unknown`` selects
        the places whose rows are read. The caller already has the other signals. ``counted`` asks for the count.
        """
        for _ in range(_ATTEMPTS):
            number, places, after = self._find_places(query)
            wanted = unknown(places)
            rows = self._rows_of(wanted)
            if all(_is_at(rows.get(place.id), place) for place in wanted):
                break
        for row in rows.values():
            del row["told"], row["changed_s"]
        gone = {place.id for place in wanted} - rows.keys()
        return StoredPage(
            places=[place for place in places if place.id not in gone],
            rows=[rows[place.id] for place in wanted if place.id not in gone],
            after=after,
            count=self._count(query) if counted else None,
            commit_number=number,
        )

    def get(self, signal_id: int) -> Mapping[str, Any] | None:
        """Return one signal with its events and its ``provenance``, or None."""

        def work(cursor: Cursor) -> Mapping[str, Any] | None:
            row = cursor.execute(self._one, {"id": signal_id, "retention": self._retention}).fetchone()
            if row is not None:
                self.add_events(cursor, [row])
            return row

        return self._database.read(work)

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Changes:
        """Return what was committed after a place and up to commit ``upto``, in commit order.

        ``after`` is the (number, id) of the last change seen, which is the place of a change. Each change has the
        ``number`` of its commit. One that has ``superseded_at`` removes a signal;
        ``replaced_by`` is the id of the one that stands in its place now. Any other has the row of the signal
        as it is now, and ``is_new`` tells whether the signal was stored after the place. Of several changes of a
        signal there is the last one alone.
        """
        values = {
            "number": after[0],
            "id": after[1],
            "upto": upto,
            "limit": limit,
            "retention": self._retention,
        }

        def work(cursor: Cursor) -> Changes:
            changes = cursor.execute(self._changes, values).fetchall()
            there = [change for change in changes if change["superseded_at"] is None]
            places = [
                Place(id=change["id"], ts=change["ts"], changed_s=None, label=change["channel_label"])
                for change in there
            ]
            rows = self._read_rows(cursor, places)
            told = tuple(
                {
                    **change,
                    **rows.get(change["id"], {}),
                    "is_new": (change["signal_commit"], change["id"]) > after,
                }
                for change in changes
                # a signal that was replaced meanwhile is told by a later commit
                if change["superseded_at"] is not None or change["id"] in rows
            )
            last = changes[-1] if len(changes) == limit else None
            return Changes(rows=told, reached=None if last is None else (last["number"], last["id"]))

        return self._database.read(work)

    def _find_places(self, query: SignalQuery) -> tuple[int, list[Place], After | None]:
        order = sql.SQL(query.rule.order)
        number, found = 0, list[tuple[Any, ...]]()
        for window in windows_of(query, now=self._database.now(), retention=self._retention):
            page, values = found_by(query, window, schema=self._database.schema, retention=self._retention)
            statement = sql.SQL(_PLACES).format(schema=self._schema, found=page, order=order)
            rows = self._database.ask(statement, values, tuple_row, quick=query.search is None)
            number, found = rows[0][0], [row[1:] for row in rows if row[1] is not None]
            if len(found) > query.limit:
                break
        more = len(found) > query.limit
        places_of_page = [Place(*row[:-1]) for row in found[: query.limit]]
        last, key = places_of_page[-1:], found[query.limit - 1][-1] if more else None
        after = After(order=query.order, key=key, ts=last[0].ts, id=last[0].id) if more else None
        return number, places_of_page, after

    def _count(self, query: SignalQuery) -> int:
        statement, values = counted_by(query, schema=self._database.schema, retention=self._retention)
        (count,) = self._database.ask(statement, values, scalar_row, quick=False)
        return int(count)

    def _rows_of(self, places: Sequence[Place]) -> dict[int, dict[str, Any]]:
        """Read the rows of the places. A page whose signals are all known needs none."""
        return self._database.read(lambda cursor: self._read_rows(cursor, places)) if places else {}

    def _read_rows(self, cursor: Cursor, places: Sequence[Place]) -> dict[int, dict[str, Any]]:
        """Return the rows of the places with their events, by id."""
        if not places:
            return {}
        instants = [place.ts for place in places]
        values = {"ids": [place.id for place in places], "first": min(instants), "last": max(instants)}
        rows = {row["id"]: row for row in cursor.execute(self._rows, values)}
        for place in places:
            if place.id in rows:
                rows[place.id]["channel_label"] = place.label
        self.add_events(cursor, list(rows.values()))
        return rows

    def add_events(self, cursor: Cursor, rows: Sequence[dict[str, Any]], *, as_of: int | None = None) -> None:
        """Add the events, what follows from them, and what prices say. With ``as_of``, events of later commits are left out.

        A row may have no status: it is not kept for a former commit, and another version of the engine may have stored
        the signal just now. Such a status is worked out, and reward over risk with it.
        """
        keys = [
            {name: row[name] for name in ("channel", "message_id", "position")}
            for row in rows
            if row["told"] != 0
        ]
        events: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
        values = {"keys": to_json(keys).decode(), "as_of": as_of}
        for event in cursor.execute(self._events, values) if keys else ():
            key = event["channel"], event["signal_message_id"], event["signal_position"]
            events.setdefault(key, []).append(event)
        enriched = enriched_of(cursor, self._database.schema, [row["id"] for row in rows])
        for row in rows:
            row["enriched"] = enriched.get(row["id"])
            row["events"] = events.get((row["channel"], row["message_id"], row["position"]), [])
            if row["status"] is None:
                standing = standing_of(row, row["events"], today=day_of(self._database.now()))
                row |= {"reward_risk": reward_risk(row), **standing.columns}
            row["current"] = current_of(row, row["events"])

    def _formatted(self, text: str, row: str, columns: sql.Composable) -> sql.Composed:
        alias = sql.Identifier(row)
        parts = {
            name: sql.SQL(part).format(schema=self._schema, row=alias)
            for name, part in {"standing": STANDING, "join": JOIN, "label": LABEL}.items()
        }
        history = sql.Identifier(self._database.schema, "signals_history")
        return sql.SQL(text).format(
            schema=self._schema, columns=columns, table=self._table, history=history, **parts
        )


def _is_at(row: Mapping[str, Any] | None, place: Place) -> bool:
    """Return whether a row is still as its place says, and its events are those of its status."""
    if row is None or row["changed_s"] != place.changed_s:
        return False
    return row["told"] in (None, sum(event["id"] for event in row["events"]))
