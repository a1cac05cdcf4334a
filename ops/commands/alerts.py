"""``alerts``: list, add, test and remove the rules of alerts, and show what was sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.asking import AsJson, Url, asked_daemon
from ops.terminal import markup, say, say_json

__all__ = ["alerts"]

alerts = typer.Typer(help="Say who is told of what, and show what was sent.", no_args_is_help=True)

RuleId = Annotated[int, typer.Argument(metavar="ID", help="Number of the rule.")]
_LISTS = ("kinds", "channels", "assets", "types", "sides")


@alerts.command("list")
def list_rules(*, url: Url = None, json: AsJson = False) -> None:
    """Show the rules with their targets, whose secrets are hidden."""
    with asked_daemon(url) as daemon:
        body = daemon.get("/alerts")
    if json:
        say_json(body["data"], indent=True)
        return
    table = Table(title=f"rules of alerts: {len(body['data'])}")
    for name in ("id", "name", "tells", "only", "quiet", "targets"):
        table.add_column(name, overflow="fold")
    for rule in body["data"]:
        cells = (rule["id"], _name(rule), " ".join(rule["kinds"]), _filter(rule), rule["quiet_hours"] or "")
        table.add_row(*map(markup, cells), markup("\n".join(map(_target, rule["targets"]))))
    Console().print(table)


@alerts.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name.")],
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="ADDRESS...",
            help="https:// of a webhook, or an address of Apprise such as tgram://TOKEN/CHAT.",
        ),
    ],
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="signal, update, result, cancel or system; repeatable; by default, everything."),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Only this channel; repeatable; write --channel=-100...")
    ] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Only this asset; repeatable.")] = None,
    trade: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only this type of trade, such as 'Day Trade'; repeatable."),
    ] = None,
    side: Annotated[Literal["buy", "sell"] | None, typer.Option(help="Only this side.")] = None,
    without_warnings: Annotated[
        bool, typer.Option("--without-warnings", help="Only signals in which nothing looks wrong.")
    ] = False,
    language: Annotated[Literal["pt", "en"], typer.Option(help="Language of the texts.")] = "pt",
    quiet_hours: Annotated[
        str | None, typer.Option(metavar="22:00-07:00", help="When nothing is sent.")
    ] = None,
    url: Url = None,
) -> None:
    """Tell these targets of signals from now on. The secret of a new webhook is printed once."""
    body = {
        "name": name,
        "targets": [{"url": target} for target in targets],
        "kinds": kind or ["signal", "update", "result", "cancel", "system"],
        "channels": channel or [],
        "assets": asset or [],
        "types": trade or [],
        "sides": [side] if side else [],
        "without_warnings": without_warnings,
        "language": language,
        "quiet_hours": quiet_hours,
    }
    with asked_daemon(url) as daemon:
        rule = daemon.post("/alerts", body)
    say(f"rule {rule['id']} is added; `tp-capital alerts test {rule['id']}` shows whether alerts arrive")
    for target in rule["targets"]:
        if target.get("secret"):
            say(f"{target['url']} verifies by {target['secret']}")


@alerts.command("test")
def send_tests(rule: RuleId, *, url: Url = None) -> None:
    """Send a test to each target of a rule."""
    with asked_daemon(url) as daemon:
        sent = daemon.post(f"/alerts/{rule}/test")
    say(
        f"tests on their way: {sent['queued']}; `tp-capital alerts deliveries {rule}` shows what became of them"
    )


@alerts.command()
def remove(rule: RuleId, *, url: Url = None) -> None:
    """Remove a rule, with what was sent by it."""
    with asked_daemon(url) as daemon:
        removed = daemon.delete(f"/alerts/{rule}")
    say(f"rule {removed['id']} ({removed['name']}) is removed")


@alerts.command()
def deliveries(
    rule: RuleId,
    *,
    state: Annotated[
        Literal["due", "sent", "dead", "skipped"] | None, typer.Option(help="Only alerts in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")] = 20,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Show what was sent by a rule, what is due, and why something was not sent."""
    given = {"limit": limit, **({"state": state} if state else {})}
    with asked_daemon(url) as daemon:
        page = daemon.get(f"/alerts/{rule}/deliveries", **given)
    if json:
        say_json(page["data"], indent=True)
        return
    table = Table(title=f"alerts of rule {rule}")
    for name in ("id", "target", "what", "title", "state", "attempts", "written", "reason"):
        table.add_column(name, overflow="fold")
    for alert in page["data"]:
        names = ("id", "target_id", "kind", "title", "state", "attempts", "created_at", "reason")
        alert["created_at"] = f"{alert['created_at'][:19].replace('T', ' ')} UTC"
        table.add_row(*(markup("" if alert[name] is None else alert[name]) for name in names))
    Console().print(table)


@alerts.command()
def retry(
    rule: RuleId,
    alert: Annotated[int, typer.Argument(metavar="DELIVERY", help="Number of the alert.")],
    *,
    url: Url = None,
) -> None:
    """Send an alert that was given up or left out again now."""
    with asked_daemon(url) as daemon:
        daemon.post(f"/alerts/{rule}/deliveries/{alert}/retry")
    say("it is sent within seconds")


def _name(rule: dict[str, Any]) -> str:
    return str(rule["name"]) if rule["enabled"] else f"{rule['name']} (off)"


def _filter(rule: dict[str, Any]) -> str:
    words = [" ".join(rule[name]) for name in _LISTS[1:] if rule[name]]
    return "; ".join([*words, *(["without warnings"] if rule["without_warnings"] else [])])


def _target(target: dict[str, Any]) -> str:
    off = f" (off: {target['off_reason']})" if target["off_reason"] else ""
    return f"{target['id']} {target['service']} {target['url']}{off}"
