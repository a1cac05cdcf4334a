"""The query for a page of signals: all filters in one condition, and the weeks that may hold the page.

The server plans each week that may hold a row, and that takes longer than reading the page. So the query first covers
only a window of days, at the end where the page begins. If the window fills the page, the page is complete, because
all other signals come after it. Otherwise the query runs without the window. The table of standings has no weeks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg import sql

from storage.postgres.orders import NEWEST_FIRST, OLDEST_FIRST, RULES, After, Order, OrderRule
from storage.postgres.status_filter import StatusFilter

__all__ = [
    "SignalQuery",
    "Window",
    "conditions_of",
    "counted_by",
    "found_by",
    "weeks_of",
    "windows_of",
]

#: as long as a week of the table, so it covers parts of at most two weeks
WINDOW = timedelta(days=7)

_FOUND = """
select id, ts, channel, {key} as key from {table} where {condition} and ts > now() - %(retention)s
order by {order} limit %(limit)s
"""
_COUNT = "select count(*) as count from {table} where {condition} and ts > now() - %(retention)s"
_OF_STATUS = """exists (
    select from {{schema}}.signal_standings as standing
    where standing.id = tp_capital_signals.id and standing.ts = tp_capital_signals.ts and {condition})"""

#: bounds of ``ts``, both inclusive; None is no bound
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalQuery:
    """The query of a page. ``after`` is the place of the last signal of the previous page, in the same ``order``.

    ``ascending`` is the direction of the order by time. ``updated_since`` selects signals whose status or events changed
    then or later. A search goes with neither another order nor ``updated_since``: its index knows none of them.

    A filter with several values selects the signals that have one of them; an empty one selects all. Of ``status``,
    ``target`` is any reached target, and ``valid`` selects the signals that still count. Of ``outcome``, ``ended`` is each
    that ends a signal, and ``not_ended`` selects all other signals.
    """

    limit: int = 100
    after: After | None = None
    channel: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    signal_type: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: Order = Order.TS
    ascending: bool = False
    updated_since: datetime | None = None

    @property
    def rule(self) -> OrderRule:
        """Its order in SQL."""
        if self.order is not Order.TS:
            return RULES[self.order]
        return OLDEST_FIRST if self.ascending else NEWEST_FIRST

    @property
    def by_status(self) -> StatusFilter | None:
        """Its filter by status and outcome."""
        return StatusFilter.of(self.status, self.outcome)

    @property
    def is_of_standings(self) -> bool:
        """Whether it reads the table of standings, which has all but the texts."""
        by_standing = self.by_status or self.updated_since or self.order is not Order.TS
        return bool(by_standing) and not self.search


def windows_of(query: SignalQuery, *, now: datetime, retention: timedelta) -> Iterator[Window]:
    """Yield the bounds to try until the page is full. The last bounds leave nothing out."""
    since, until, oldest = query.since, query.until, now - retention
    after = query.after.ts if query.after else None
    if query.is_of_standings:
        yield since, until
        return
    # besides the comparison with the cursor, because only a bound of ts lets the server skip weeks in its plan
    if query.ascending:
        since = max(filter(None, (since, after)), default=None)
        begin = max(since or oldest, oldest)
        if begin < now and (until is None or until > begin + WINDOW):
            yield since, begin + WINDOW
    else:
        until = min(filter(None, (until, after)), default=None)
        begin = min(until or now, now)
        if begin > oldest + WINDOW and (since is None or since < begin - WINDOW):
            yield begin - WINDOW, until
    yield since, until


def weeks_of(query: SignalQuery, *, now: datetime, oldest: datetime) -> Iterator[Window]:
    """Yield bounds that together cover the whole list, in its order. Two that follow each other share an instant."""
    after = query.after.ts if query.after else None
    since = max(filter(None, (query.since, oldest, after if query.ascending else None)))
    until = min(filter(None, (query.until, None if query.ascending else after)), default=None)
    # a message may have a date in the future, so one end may be open
    last = max(min(until or now, now), since)
    weeks = [since + WINDOW * number for number in range((last - since) // WINDOW + 1)]
    bounds = list(zip(weeks, [*weeks[1:], until], strict=True))
    yield from bounds if query.ascending else reversed(bounds)


def found_by(
    query: SignalQuery, window: Window, *, schema: str, retention: timedelta
) -> tuple[sql.Composable, dict[str, object]]:
    """Return the query for the (id, ts, channel, key) of a page's signals, in order, and the values of its placeholders.

    It finds one signal more than the page has, if there is one. A search reads the table of signals, which has its
    index. By time, several statuses are found each in the order of the page.
    """
    parts, values = conditions_of(query, window)
    values |= {"retention": retention, "limit": query.limit + 1}
    of_status = ["true"]
    if by_status := query.by_status:
        values |= by_status.values
        if not query.is_of_standings:
            parts.append(_OF_STATUS.format(condition=by_status.condition))
        elif query.order is Order.TS:
            of_status = by_status.branches
        else:
            parts.append(by_status.condition)
    order = sql.SQL(query.rule.order)
    table = sql.Identifier(schema, "signal_standings" if query.is_of_standings else "tp_capital_signals")
    condition = sql.SQL(" and ".join(parts)).format(schema=sql.Identifier(schema))
    found: list[sql.Composable] = [
        sql.SQL(_FOUND).format(
            key=sql.SQL(query.rule.key),
            table=table,
            condition=sql.SQL(part) + sql.SQL(" and ") + condition,
            order=order,
        )
        for part in of_status
    ]
    if len(found) > 1:
        each = sql.SQL(") union all (").join(found)
        found = [sql.SQL("({}) order by {} limit %(limit)s").format(each, order)]
    return found[0], values


def counted_by(
    query: SignalQuery, *, schema: str, retention: timedelta
) -> tuple[sql.Composed, dict[str, object]]:
    """Return the query for the number of signals on all pages together, and the values of its placeholders.

    It counts standings, which are a few bytes each and have no texts. So a search cannot be counted.
    """
    parts, values = conditions_of(replace(query, after=None), (query.since, query.until))
    if by_status := query.by_status:
        parts.append(by_status.condition)
        values |= by_status.values
    table = sql.Identifier(schema, "signal_standings")
    count = sql.SQL(_COUNT).format(table=table, condition=sql.SQL(" and ".join(parts)))
    return count, values | {"retention": retention}


def conditions_of(query: SignalQuery, window: Window) -> tuple[list[str], dict[str, object]]:
    """Return the conditions of all filters but those of status and outcome, and their values."""
    since, until = window
    values: dict[str, object] = {}
    parts = ["true"]
    for name, part, value in (
        ("since", "ts >= %(since)s", since),
        ("until", "ts <= %(until)s", until),
        ("updated_since", "updated_at >= %(updated_since)s", query.updated_since),
        (
            "search",
            "(asset ilike %(search)s or raw_message ilike %(search)s)",
            f"%{_escape_like(query.search)}%" if query.search else None,
        ),
    ):
        if value is not None:
            values[name] = value
            parts.append(part)
    for name, wanted in (
        ("channel", query.channel),
        ("asset", tuple(map(str.upper, query.asset))),
        ("side", query.side),
    ):
        if wanted:
            # only with one value the index of the column has the rows in the order of the page
            one = len(wanted) == 1
            values[name] = wanted[0] if one else list(wanted)
            parts.append(f"{name} = %({name})s" if one else f"{name} = any(%({name})s)")
    if query.signal_type:
        # the database makes both sides lower, because its rules for letters may differ from Python's
        names = [f"type_{number}" for number in range(len(query.signal_type))]
        values |= zip(names, query.signal_type, strict=True)
        parts.append(f"lower(signal_type) in ({', '.join(f'lower(%({name})s)' for name in names)})")
    if query.after is not None:
        parts.append(query.rule.after)
        values |= {f"after_{name}": getattr(query.after, name) for name in ("key", "ts", "id")}
    return parts, values


def _escape_like(text: str) -> str:
    """Escape the special characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
