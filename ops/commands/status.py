"""``tp-capital status``: the health of a running daemon, for a person or a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ops.exit_codes import EXIT_DEGRADED, EXIT_OK, EXIT_UNHEALTHY
from ops.terminal import markup

__all__ = ["health_tables", "status_exit_code"]

#: wider than any table
_WIDE = 1_000
_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


def status_exit_code(body: dict[str, Any]) -> int:
    """Return 0 for healthy, 1 for degraded, 2 for anything else."""
    return {"healthy": EXIT_OK, "degraded": EXIT_DEGRADED}.get(str(body.get("status")), EXIT_UNHEALTHY)


def health_tables(
    body: dict[str, Any],
    url: str,
    stored: Mapping[str, Mapping[str, Any]],
    daemons: Sequence[Mapping[str, Any]] = (),
) -> Group:
    """Return tables with the checks of the daemon at ``url``, the state of its channels, and who does what.

    ``stored`` has the objects of ``/channels`` by channel, with labels and counts, and ``daemons`` those of ``/daemons``;
    empty when they are not known.
    """
    tables = [_checks(body, url)]
    if channels := _channels(body, stored):
        tables.append(channels)
    if len(daemons) > 1:
        tables.append(_daemons(daemons))
    return Group(*map(_Fitting, tables))


class _Fitting:
    """A table, or on a terminal that is too narrow for it the same values one below the other."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what fits."""
        table = self._table
        if Measurement.get(console, options.update(max_width=_WIDE), table).minimum <= options.max_width:
            yield table
            return
        if table.title:
            yield Text.from_markup(str(table.title), style=str(table.title_style))
        names = [str(column.header) for column in table.columns]
        width = max(map(len, names))
        for row in zip(*(column.cells for column in table.columns), strict=True):
            yield Text.from_markup(str(row[0]), style="bold")
            for name, value in list(zip(names, row, strict=True))[1:]:
                if Text.from_markup(str(value)).plain:
                    yield Text.from_markup(f"  {name:{width}}  {value}")
        if table.caption:
            yield Text.from_markup(str(table.caption))


def _checks(body: dict[str, Any], url: str) -> Table:
    role = _of(body, "details", "role") or "all"
    whose = "" if role == "all" else f", role {markup(role)}"
    table = Table(
        title=f"tp-capital at {markup(url)}{whose}: {markup(body['status'])}",
        title_style=_COLOURS.get(str(body["status"]), "red"),
    )
    table.add_column("check", overflow="fold")
    table.add_column("status")
    # on a narrow terminal, only the causes are folded
    table.add_column("since", no_wrap=True)
    table.add_column("cause", overflow="fold")
    details = body["details"]
    for name, status in body["checks"].items():
        style = _COLOURS.get(str(status), "red")
        since, error = _of(details, name, "since"), _of(details, name, "error")
        table.add_row(
            markup(name), f"[{style}]{markup(status)}[/]", markup(_to_the_second(since)), markup(error or "")
        )
    if "daemon" in details:
        table.add_row("daemon", "[red]unhealthy[/]", "", markup(_of(details, "daemon", "error")))
    return table


def _channels(body: dict[str, Any], stored: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Return the channels with breaker, polls and history, or None if the answer has no channels."""
    details = body["details"]
    breakers = _by_channel(details, "gatewayApi")
    histories = _by_channel(details, "historicalSync")
    table = Table(caption=_caption(details), caption_justify="left")
    table.add_column("channel", no_wrap=True)
    if labelled := any(one.get("label") for one in stored.values()):
        table.add_column("label", overflow="fold")
    for column in ("breaker", "last poll", "last success", "newest message", "history"):
        table.add_column(column, overflow="fold")
    for channel, poll in _by_channel(details, "pollingWorker").items():
        breaker = str(_of(breakers, channel, "breaker", "state") or "")
        style = "green" if breaker == "closed" else "red"
        success, newest = poll.get("lastSuccessfulPollAt"), poll.get("newestMessageAt")
        table.add_row(
            markup(channel),
            *([markup(stored.get(channel, {}).get("label") or "")] if labelled else []),
            f"[{style}]{markup(breaker)}[/]",
            markup(poll.get("lastPoll") or ""),
            _ago(success, body.get("timestamp")),
            _ago(newest, body.get("timestamp")),
            _history(histories.get(channel, {}), stored.get(channel, {}).get("messages")),
        )
    return table if table.row_count else None


def _daemons(daemons: Sequence[Mapping[str, Any]]) -> Table:
    """Return the processes that share the database."""
    table = Table()
    for column in ("process", "role", "jobs"):
        table.add_column(column, overflow="fold")
    for one in daemons:
        table.add_row(*(markup(one.get(name)) for name in ("place", "role")), markup(", ".join(one["jobs"])))
    return table


def _caption(details: dict[str, Any]) -> str:
    """Return the values that concern all channels, as far as the answer has them."""
    lag_s, waiting = _of(details, "timescaledb", "lastLagSeconds"), _of(details, "deadLetters", "waiting")
    rate = _of(details, "cache", "hitRate")
    words = [
        f"lag of the last batch {_duration(lag_s)}" if isinstance(lag_s, int | float) else "",
        f"{waiting} dead letters" if waiting is not None else "",
        f"{rate:.0%} of pages from the cache" if isinstance(rate, int | float) else "",
        f"version {details.get('version')}",
    ]
    return markup(", ".join(word for word in words if word))


def _history(progress: dict[str, Any], messages: object) -> str:
    """Return how far the history is. What is complete is told by the messages that are here, whoever brought them."""
    read, total = progress.get("rowsRead"), progress.get("gatewayTotal")
    if read is None:
        return ""
    if not progress.get("completedAt"):
        return markup(f"{read} of {total or '?'} rows")
    return markup(f"{read} rows, complete" if messages is None else f"{messages} messages, complete")


def _to_the_second(instant: object) -> str:
    """Return an instant in UTC without its fraction. Return any other text unchanged."""
    try:
        return f"{datetime.fromisoformat(str(instant)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError):
        return str(instant or "")


def _ago(instant: object, now: object) -> str:
    """Return the time from ``instant`` to the answer's timestamp, so that only the daemon's clock counts."""
    try:
        seconds = (datetime.fromisoformat(str(now)) - datetime.fromisoformat(str(instant))).total_seconds()
    except ValueError:
        return "never" if instant is None else ""
    return f"{timedelta(seconds=max(0, round(seconds)))} ago"


def _duration(seconds: float) -> str:
    """Return a short time in seconds, and a longer one, as after a history import, in days and hours."""
    return f"{seconds:.1f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))


def _by_channel(details: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    entries = _of(details, name, "channels")
    if not isinstance(entries, list):
        return {}
    return {str(entry.get("channel")): entry for entry in entries if isinstance(entry, dict)}


def _of(value: object, *names: str) -> Any:
    """Return the value under these nested names, or None if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
