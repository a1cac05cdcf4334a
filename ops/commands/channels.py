"""``channels``: list, add, label and remove the channels of a running daemon."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.asking import AsJson, Url, asked_daemon
from ops.terminal import markup, say, say_json

__all__ = ["channels"]

channels = typer.Typer(help="List, add, label and remove the channels that are read.", no_args_is_help=True)

#: an id begins with a minus sign, and is no option
_NEGATIVE = {"ignore_unknown_options": True}

ChannelName = Annotated[str, typer.Argument(metavar="ID", help="Id of the channel, such as -1001649127710.")]


@channels.command("list")
def list_channels(*, url: Url = None, json: AsJson = False) -> None:
    """Show the channels that are read, with their labels and counts."""
    with asked_daemon(url) as daemon:
        body = daemon.get("/channels")
    if json:
        say_json(body, indent=True)
        return
    table = Table(title=f"channels: {len(body['data'])}", caption=markup(body.get("error") or ""))
    for name in ("id", "label", "market", "source", "state", "signals", "messages"):
        table.add_column(name, overflow="fold")
    for channel in body["data"]:
        cells = ("id", "label", "market", "source", "state", "signals", "messages")
        table.add_row(*(markup("" if channel[name] is None else channel[name]) for name in cells))
    Console().print(table)


@channels.command(context_settings=_NEGATIVE)
def add(
    channel: ChannelName,
    *,
    label: Annotated[str | None, typer.Option(help="Its name in signals and pages.")] = None,
    market: Annotated[
        Literal["b3", "forex", "crypto"] | None, typer.Option(help="The market that it trades in.")
    ] = None,
    url: Url = None,
) -> None:
    """Read one more channel. It is polled within seconds, and its history is read."""
    given = {name: value for name, value in (("label", label), ("market", market)) if value is not None}
    with asked_daemon(url) as daemon:
        added = daemon.post("/channels", {"id": channel, **given})
    say(f"channel {added['id']} is read" + (f" as {added['label']}" if added["label"] else ""))


@channels.command(context_settings=_NEGATIVE)
def label(
    channel: ChannelName,
    words: Annotated[str, typer.Argument(metavar="LABEL", help="The new label; '' for none.")],
    *,
    url: Url = None,
) -> None:
    """Change the label of a channel that is read."""
    with asked_daemon(url) as daemon:
        daemon.get(f"/channels/{channel}")  # POST would add a channel that is not read
        daemon.post("/channels", {"id": channel, "label": words or None})
    say(f"channel {channel} is called {words}" if words else f"channel {channel} has no label")


@channels.command(context_settings=_NEGATIVE)
def remove(channel: ChannelName, *, url: Url = None) -> None:
    """Stop reading a channel. Its signals and messages are kept."""
    with asked_daemon(url) as daemon:
        removed = daemon.delete(f"/channels/{channel}")
    say(str(removed["detail"]))
