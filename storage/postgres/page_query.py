"""The query for a page of signals: all filters in one condition, and the weeks that may hold the page.

The server plans each week that may hold a row, and that takes longer than reading the page. So the query first covers
only a window of days, at the end where the page begins. If the window fills the page, the page is complete, because
all other signals come after it. Otherwise the query runs without the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

__all__ = ["SignalQuery", "Window", "condition_of", "weeks_of", "windows_of"]

#: as long as a week of the table, so it covers parts of at most two weeks
WINDOW = timedelta(days=7)

#: bounds of ``ts``, both inclusive; None is no bound
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalQuery:
    """The query of a page. ``after`` is the (ts, id) of the last signal of the previous page."""

    limit: int = 100
    after: tuple[datetime, int] | None = None
    channel: str | None = None
    asset: str | None = None
    signal_type: str | None = None
    side: str | None = None
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False


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


def weeks_of(query: SignalQuery, *, now: datetime, oldest: datetime) -> Iterator[Window]:
    """Yield bounds that together cover the whole list, in its order. Two that follow each other share an instant."""
    after = query.after[0] if query.after else None
    since = max(filter(None, (query.since, oldest, after if query.ascending else None)))
    until = min(filter(None, (query.until, None if query.ascending else after)), default=None)
    # a message may have a date in the future, so one end may be open
    last = max(min(until or now, now), since)
    weeks = [since + WINDOW * number for number in range((last - since) // WINDOW + 1)]
    bounds = list(zip(weeks, [*weeks[1:], until], strict=True))
    yield from bounds if query.ascending else reversed(bounds)


def condition_of(query: SignalQuery, window: Window) -> tuple[sql.Composable, dict[str, object]]:
    """Return the condition for rows of signals, and the values of its placeholders."""
    since, until = window
    asset = query.asset and query.asset.upper()
    values: dict[str, object] = {}
    parts = ["true"]
    for name, part, value in (
        ("since", "ts >= %(since)s", since),
        ("until", "ts <= %(until)s", until),
        ("channel", "channel = %(channel)s", query.channel),
        ("asset", "asset = %(asset)s", asset or None),
        ("side", "side = %(side)s", query.side),
        ("type", "lower(signal_type) = lower(%(type)s)", query.signal_type),
        (
            "search",
            "(asset ilike %(search)s or raw_message ilike %(search)s)",
            f"%{_escape_like(query.search)}%" if query.search else None,
        ),
    ):
        if value is not None:
            values[name] = value
            parts.append(part)
    if query.after is not None:
        beyond = ">" if query.ascending else "<"
        parts.append(f"(ts, id) {beyond} (%(after_ts)s, %(after_id)s)")
        values["after_ts"], values["after_id"] = query.after
    return sql.SQL(" and ".join(parts)), values


def _escape_like(text: str) -> str:
    """Escape the special characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
