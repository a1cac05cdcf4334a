"""``record``: what following the signals would have brought, by the market's prices, as a table."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from actors.analysis.record import FEW, TrackRecord
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.commands.common import Since, System, quiet_logs, settings_for_database, stop
from ops.enrichment.records import Exit, GroupBy, Grouped, grouped_records
from ops.exit_codes import EXIT_FAILED
from ops.http.routes.record import record_lines
from ops.instants import first_instant
from ops.stores import Stores
from ops.terminal import markup, say
from storage.errors import StorageError
from storage.postgres.page_query import SignalQuery
from storage.postgres.track_record import Outcomes

__all__ = ["record"]

_WIDTH: Final = 118


def record(
    *,
    channel: Annotated[
        str | None, typer.Option(help="Only this channel; write a negative id as --channel=-100...")
    ] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    since: Since = None,
    way_out: Annotated[
        Exit,
        typer.Option(
            "--exit", help="Sell all at the first target, at the final one, or equal parts at each."
        ),
    ] = Exit.FIRST,
    by: Annotated[GroupBy, typer.Option(help="One line for each of these.")] = GroupBy.CHANNEL,
    system: System = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values with all figures.")
    ] = False,
) -> None:
    """Print what following the signals would have brought, by the market's prices.

    Results are in R, the distance from entry to stop. docs/outcomes.md defines every figure.
    """
    settings = settings_for_database(system)
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    query = SignalQuery(
        channel=(channel,) if channel else (),
        asset=(asset,) if asset else (),
        since=None if since is None else first_instant(since, settings.engine.zone),
    )
    try:
        stores.database.open()
        rows = Outcomes(stores.database).of(query)
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot read the record: {error}")
    finally:
        stores.close()
        timers.close()
    found = grouped_records(rows, way_out=way_out, by=by)
    if as_csv:
        say(record_lines(found).replace("\r\n", "\n"), nl=False)
    elif not rows:
        say("no judged signal matches; without prices none is judged: `tp-capital prices import` brings them")
    else:
        console = Console()
        # a narrow terminal breaks the lines; a table of its width would cut figures
        console.width = max(console.width, _WIDTH)
        console.print(_table(found, str(by)))


def _table(found: Grouped, by: str) -> Table:
    table = Table(caption=f"* fewer than {FEW} results: the figures say little", box=SIMPLE_HEAD, padding=0)
    table.add_column(by, no_wrap=True)
    for head in (
        "signals",
        "entered",
        "results",
        "hit rate",
        "95 %",
        "average R",
        "median R",
        "profit factor",
        "worst run",
        "drawdown R",
        "claims agree",
        "claims differ",
    ):
        table.add_column(head, justify="right")
    for name, one in [*found.groups.items(), ("all", found.total)]:
        table.add_row(markup(name), *_cells(one))
    return table


def _cells(one: TrackRecord) -> list[str]:
    def percent(value: object) -> str:
        return "-" if value is None else f"{value:.0%}"

    def plain(value: object) -> str:
        return "-" if value is None else f"{value:.2f}"

    return [
        str(one.signals),
        percent(one.entered_share),
        f"{one.resolved}{'*' if one.few else ''}",
        percent(one.hit_rate),
        f"{percent(one.hit_rate_low)}-{percent(one.hit_rate_high)}",
        plain(one.average_r),
        plain(one.median_r),
        plain(one.profit_factor),
        str(one.longest_losing_run),
        plain(one.max_drawdown_r),
        str(one.claims_agree),
        str(one.claims_contradict),
    ]
