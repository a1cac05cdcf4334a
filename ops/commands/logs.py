"""``logs``: show and follow the log of a running daemon."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from config.engine import level_name
from ops.client import DaemonClient, DaemonError
from ops.commands.asking import Url, asked_daemon
from ops.commands.common import usable_settings
from ops.instants import first_instant, read_iso
from ops.process_signals import stop_on_signals
from ops.recent_logs import LEVELS
from ops.terminal import markup, say, say_json

__all__ = ["logs"]

_COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}
_POLL_S = 0.5
_MOST = 1000
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _level(text: str) -> str:
    name = str(level_name(text))
    if name not in LEVELS:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(LEVELS)}")
    return name


def _since(text: str) -> date:
    try:
        if ago := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return read_iso(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither a duration such as 90s, 10m, 2h, 1d nor ISO 8601"
        ) from None


def logs(
    *,
    level: Annotated[
        str, typer.Option(parser=_level, metavar="|".join(LEVELS), help="The lowest level to show.")
    ] = "info",
    actor: Annotated[
        str | None, typer.Option(help="Only this actor, such as writer; poller means every poller.")
    ] = None,
    since: Annotated[
        date | None,
        typer.Option(
            parser=_since, metavar="TIME", help="Only entries since then: 10m, 2h, 1d, or ISO 8601."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="Number of entries to show.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new entries, also after a restart.")
    ] = False,
    url: Url = None,
    json: Annotated[bool, typer.Option("--json", help="Print each entry as a line of JSON.")] = False,
) -> None:
    """Show the newest log entries of a running daemon."""
    console = Console()
    start = first_instant(since, usable_settings(told=False).engine.zone) if since else None

    def wanted(page: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            entry
            for entry in reversed(page["data"])
            if (
                actor is None
                or str(entry.get("actor", "")).partition(":")[0] == actor
                or entry.get("actor") == actor
            )
            and (start is None or datetime.fromisoformat(entry["timestamp"]) >= start)
        ]

    with asked_daemon(url) as daemon, stop_on_signals() as left:
        # what is left out here must not use up the limit
        page = daemon.get("/logs", level=level, limit=limit if actor is None and start is None else _MOST)
        found = wanted(page)[-limit:]
        _show(found, console, json=json)
        if not (found or follow):
            say("tp-capital: no entry matches", err=True)
        while follow and not left.wait(_POLL_S):
            page = _next_page(daemon, page, level) or page | {"data": []}
            _show(wanted(page), console, json=json)


def _next_page(daemon: DaemonClient, page: dict[str, Any], level: str) -> dict[str, Any] | None:
    """Return what came after a page, or None while no daemon answers. A daemon that started anew is read from its start."""
    try:
        found = daemon.get("/logs", level=level, limit=_MOST, after=page["last"])
        if found["startedAt"] != page["startedAt"]:
            say("tp-capital: the daemon has started anew", err=True)
            found = daemon.get("/logs", level=level, limit=_MOST, after=0)
    except DaemonError as error:
        if error.status is not None and error.status < 500:
            raise
        return None
    return found


def _show(entries: list[dict[str, Any]], console: Console, *, json: bool) -> None:
    for entry in entries:
        if json:
            say_json(entry)
            continue
        colour = _COLOURS.get(entry["level"], "green")
        event, rest = _words(entry)
        line = (
            f"[dim]{markup(entry['timestamp'])}[/] [{colour}]{markup(entry['level']):8}[/] "
            f"[bold]{markup(event)}[/] {markup(rest)}"
        )
        console.print(line, highlight=False, soft_wrap=True)


def _words(entry: dict[str, Any]) -> tuple[str, str]:
    """Return an entry's event and the rest. A message that the daemon made of the entry's values already says it all."""
    event, message = str(entry["event"]), str(entry.get("message", ""))  # an older daemon sends none
    if message.startswith(event):
        return event, message.removeprefix(event).strip()
    known = {"number", "timestamp", "level", "event"}
    return event, " ".join(f"{name}={value}" for name, value in entry.items() if name not in known)
