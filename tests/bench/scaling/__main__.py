"""``python -m tests.bench.scaling``: the runs with several processes, each to be started by its name."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.logging import configure_logging
from tests.bench.feed import Feed, feed
from tests.bench.figures import quantile
from tests.bench.scaling.deaths import serve_and_kill
from tests.bench.scaling.killing import Killing, kill_all
from tests.bench.scaling.site import site_of_its_own
from tests.bench.scaling.throughput import rates_by_source, rates_of_processes, ratio
from tests.bench.scaling.trouble import alarm, outage
from tests.support.stack import eventually

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def prepare() -> None:
    """Runs of several processes with real servers. Each exits with 1 if it did not show what it is to show."""
    configure_logging(level="ERROR", form="console", stream=sys.stderr)


@app.command()
def killing(
    messages: Annotated[int, typer.Option(help="Messages over all channels.")] = 50_000,
    channels: Annotated[int, typer.Option(help="Channels.")] = 50,
    processes: Annotated[int, typer.Option(help="Processes that ingest.")] = 4,
    seed: Annotated[int, typer.Option(help="Another one kills in another order.")] = 1,
) -> None:
    """Kill each process five times, the publisher five times, RabbitMQ and PostgreSQL twice, while messages come."""
    plan = Killing(messages=messages, channels=channels, processes=processes)
    with site_of_its_own() as site:
        found = kill_all(site, plan, seed=seed)
    _tell(asdict(found), well=found.well)


@app.command()
def readers(
    requests: Annotated[int, typer.Option(help="Requests over all readers.")] = 20_000,
    readers: Annotated[int, typer.Option(help="Readers at the same time.")] = 8,
) -> None:
    """Read from two processes behind the proxy while each is killed in turn."""
    with site_of_its_own() as site, tempfile.TemporaryDirectory() as folder:
        found = serve_and_kill(site, Path(folder), wanted=requests, readers=readers)
    _tell(asdict(found), well=found.well)


@app.command()
def away(
    channels: Annotated[int, typer.Option(help="Channels.")] = 20,
    each: Annotated[int, typer.Option(help="Messages to each channel.")] = 500,
    seconds: Annotated[float, typer.Option(help="How long the broker is away.")] = 60.0,
) -> None:
    """Take the broker away under load, and bring it back."""
    with site_of_its_own() as site:
        found = outage(site, channels=channels, each=each, away_s=seconds)
    _tell(asdict(found), well=found.well)


@app.command()
def alarmed(
    channels: Annotated[int, typer.Option(help="Channels.")] = 20,
    each: Annotated[int, typer.Option(help="Messages to each channel.")] = 500,
    seconds: Annotated[float, typer.Option(help="How long the alarm lasts.")] = 60.0,
) -> None:
    """Let the broker run short of memory under load, so that it takes no messages."""
    with site_of_its_own() as site:
        found = alarm(site, channels=channels, each=each, away_s=seconds)
    _tell(asdict(found), well=found.well)


@app.command()
def sources(
    messages: Annotated[int, typer.Option(help="Messages of each measurement.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind, in turn.")] = 3,
) -> None:
    """Store messages by polling and from the broker, in turn."""
    with site_of_its_own() as site:
        rates = rates_by_source(site, messages=messages, rounds=rounds)
    beside = ratio(rates["broker"], rates["poll"])
    _tell(
        {f"{name}, messages/s": found for name, found in rates.items()} | {"broker beside poll": beside},
        well=beside >= 0.9,
    )


@app.command()
def processes(
    messages: Annotated[int, typer.Option(help="Messages of each measurement.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind, in turn.")] = 3,
) -> None:
    """Store the messages of one queue with 1, 2 and 4 processes, in turn."""
    with site_of_its_own() as site:
        rates = rates_of_processes(site, messages=messages, rounds=rounds)
    _tell({f"{count} processes, messages/s": found for count, found in rates.items()}, well=True)


@app.command()
def latency(
    seconds: Annotated[float, typer.Option(help="How long 20 messages a second come.")] = 60.0,
) -> None:
    """Time from the insert at the gateway to the stream of a process that only serves. Wants a quiet machine."""
    channel = "-1004000001"
    with site_of_its_own() as site:
        database = site.database()
        writing = site.engine(database, [channel], TP_CAPITAL_ROLE="ingest", TP_CAPITAL_SOURCE="both")
        serving = site.engine(database, [channel], TP_CAPITAL_ROLE="serve", TP_CAPITAL_SOURCE="both")
        site.wait_reading(writing)
        eventually(lambda: serving.metric("tpcapital_bell_connected ") == 1, deadline_s=120)
        plan = Feed(
            gateway_url=site.gateway.database_url,
            channel=channel,
            per_second=20,
            seconds=seconds,
            stream_port=serving.port,
        )
        taken = feed(plan).latencies_ms
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    _tell({"messages": len(taken), "p50 ms": p50, "p99 ms": p99}, well=p50 <= 20 and p99 <= 80)


def _tell(figures: dict[str, object], *, well: bool) -> None:
    for name, value in figures.items():
        sys.stdout.write(f"{name.replace('_', ' ')}: {value}\n")
    raise typer.Exit(0 if well else 1)


if __name__ == "__main__":
    app()
