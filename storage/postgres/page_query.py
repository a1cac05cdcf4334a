"""The query for a page of signals: all filters in one condition, and the weeks that may hold the page.

The server plans each week that may hold a row, and that takes longer than reading the page. So the query first covers
only a window of days, at the end where the page begins. If the window fills the page, the page is complete, because
all other signals come after it. Otherwise the query runs without the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import sql

from storage.postgres.standing import STATUS

__all__ = ["SignalQuery", "condition_of", "windows_of"]

#: as long as a week of the table, so it covers parts of at most two weeks
WINDOW = timedelta(days=7)

#: bounds of ``ts``, both inclusive; None is no bound
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalQuery:
    """The query of a page. ``after`` is the (ts, id) of the last signal of the previous page.

    A filter with several values selects the signals that have one of them; an empty one selects all. ``today`` is the
    day whose statuses are shown, None that of the database's clock.
    """

    limit: int = 100
    after: tuple[datetime, int] | None = None
    channel: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    signal_type: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    today: date | None = None


def windows_of(query: SignalQuery, *, now: datetime, retention: timedelta) -> Iterator[Window]:
    """Yield the bounds to try until the page is full. The last bounds leave nothing out."""
    since, until, oldest = query.since, query.until, now - retention
    # besides the comparison with the cursor, because only a bound of ts lets the server skip weeks in its plan
    if query.ascending:
        since = max(filter(None, (since, query.after and query.after[0])), default=None)
        begin = max(since or oldest, oldest)
        if begin < now and (until is None or until > begin + WINDOW):
            yield since, begin + WINDOW
    else:
        until = min(filter(None, (until, query.after and query.after[0])), default=None)
        begin = min(until or now, now)
        if begin > oldest + WINDOW and (since is None or since < begin - WINDOW):
            yield begin - WINDOW, until
    yield since, until


def condition_of(
    query: SignalQuery, window: Window, *, schema: sql.Identifier
) -> tuple[sql.Composable, dict[str, object]]:
    """Return the condition for rows of signals, and the values of its placeholders."""
    since, until = window
    values: dict[str, object] = {}
    parts = ["true"]
    for name, part, value in (
        ("since", "ts >= %(since)s", since),
        ("until", "ts <= %(until)s", until),
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
    if query.status:
        values |= {
            # ``target`` is any target
            "statuses": ["target%" if status == "target" else status for status in query.status],
            "today": query.today,
        }
        parts.append(f"{STATUS} like any(%(statuses)s)")
    if query.after is not None:
        beyond = ">" if query.ascending else "<"
        parts.append(f"(ts, id) {beyond} (%(after_ts)s, %(after_id)s)")
        values["after_ts"], values["after_id"] = query.after
    return sql.SQL(" and ".join(parts)).format(schema=schema), values


def _escape_like(text: str) -> str:
    """Escape the special characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
