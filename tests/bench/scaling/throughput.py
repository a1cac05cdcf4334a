"""How many messages are stored a second: by polling, from the broker, and by several processes from one queue."""

from __future__ import annotations

from statistics import median

from tests.bench.messages import put_messages
from tests.bench.scaling.site import Site, rows_of
from tests.support.stack import EngineProcess, eventually

__all__ = ["rates_by_source", "rates_of_processes"]

_BATCH = "500"
_DEADLINE_S = 900.0
#: rows carry the time of their transaction, so nobody has to look while it runs
_RATE = """
select count(*), extract(epoch from max(recorded_at) - min(recorded_at))::float8,
    count(*) filter (where recorded_at > (select min(recorded_at) from ledger)) from ledger
"""


def rates_by_source(site: Site, *, messages: int, rounds: int) -> dict[str, list[float]]:
    """Return messages a second of the polling pipeline and of one consumer, measured in turn."""
    rates: dict[str, list[float]] = {"poll": [], "broker": []}
    for number in range(rounds):
        for source, found in rates.items():
            found.append(_rate(site, source, f"-1008{number:05d}{len(source)}", messages, processes=1))
    return rates


def rates_of_processes(site: Site, *, messages: int, rounds: int) -> dict[int, list[float]]:
    """Return messages a second that 1, 2 and 4 processes store together from one queue, measured in turn."""
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for number in range(rounds):
        for processes, found in rates.items():
            found.append(
                _rate(site, "broker", f"-1009{number:05d}{processes}", messages, processes=processes)
            )
    return rates


def ratio(one: list[float], other: list[float]) -> float:
    """Return the median of one list beside that of the other."""
    return median(one) / median(other)


def _rate(site: Site, source: str, channel: str, messages: int, *, processes: int) -> float:
    """Let everything wait first, then start the processes. The time runs from the first commit to the last one."""
    database = site.database()

    def start() -> EngineProcess:
        return site.engine(
            database,
            [channel],
            TP_CAPITAL_SOURCE=source,
            TP_CAPITAL_ROLE="ingest",
            GATEWAY_BATCH_SIZE=_BATCH,
            GATEWAY_POLLING_INTERVAL_MS="100",
        )

    if source == "broker":
        # its start binds the channel to the queue
        first = start()
        site.wait_reading(first)
        first.kill()
    put_messages(site.gateway.database_url, channel=channel, count=messages)
    eventually(
        lambda: not rows_of(site.gateway.database_url, "select 1 from telegram_gateway.outbox limit 1"),
        deadline_s=_DEADLINE_S,
    )
    if source == "broker":
        eventually(lambda: site.broker.waiting(site.queue) == messages, what="the queue is not full")
    engines = [start() for _ in range(processes)]
    eventually(
        lambda: rows_of(database, "select count(*) from ledger") == [(messages,)], deadline_s=_DEADLINE_S
    )
    for engine in engines:
        engine.kill()
    ((_, seconds, later),) = rows_of(database, _RATE)
    return float(later / seconds)
