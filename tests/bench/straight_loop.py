"""The engine's work in a straight loop of one thread: read a page, parse it, store it, acknowledge it, and again.

A process of its own, as the engine is. It prints a line when it is ready, begins at a line of standard input, and
ends when nothing waits at the gateway; what it then prints is :class:`Looped` as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from actors.grammar import GRAMMAR_VERSION
from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import ChannelMessage
from engine.timers import TimerThread
from storage.gateway.client import GatewayClient
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.bench.scene import Place

__all__ = ["Looped", "loop_over"]

BATCH = 1000
RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looped:
    """Seconds and processor seconds from the first question to the last acknowledgement; seconds of each write."""

    seconds: float
    cpu_s: float
    writes_s: list[float]


def loop_over(place: Place, put: Callable[[], None]) -> Looped:
    """Run the loop over what ``put`` puts into the channel of a place."""
    command = [sys.executable, "-m", "tests.bench.straight_loop"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(dict(place.environment)) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        put()
        out, _ = process.communicate("begin\n")
    if process.returncode:
        raise RuntimeError("the straight loop failed")
    return Looped(**json.loads(out))


def main() -> None:
    """Serve one run."""
    settings = json.loads(sys.stdin.readline())
    timers = TimerThread()
    database = Database(
        settings["TP_CAPITAL_DATABASE_URL"],
        schema=settings["TP_CAPITAL_DB_SCHEMA"],
        pool_max=4,
        timers=timers,
    )
    database.open()
    gateway = GatewayClient(
        settings["TELEGRAM_GATEWAY_URL"],
        api_key=settings["TELEGRAM_GATEWAY_API_KEY"],
        timeout_s=10,
        timers=timers,
    )
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    looped = _loop(gateway, ledger, settings["TP_CAPITAL_SIGNALS_CHANNEL_ID"])
    gateway.close()
    database.close()
    timers.close()
    sys.stdout.write(json.dumps(asdict(looped)))


def _loop(gateway: GatewayClient, ledger: Ledger, channel: str) -> Looped:
    policy = OutcomePolicy(retention=RETENTION)
    writes_s = []
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    while messages := gateway.unprocessed(channel, limit=BATCH):
        readable = [message for message in messages if isinstance(message, ChannelMessage)]
        now = datetime.now(UTC)
        outcomes = [settle(message, now=now, policy=policy) for message in readable]
        write_s = time.perf_counter()
        ledger.record(outcomes)
        writes_s.append(time.perf_counter() - write_s)
        gateway.mark_processed(channel, [message.message_id for message in readable])
    return Looped(
        seconds=time.perf_counter() - began_s,
        cpu_s=time.process_time() - began_cpu_s,
        writes_s=writes_s,
    )


if __name__ == "__main__":
    main()
