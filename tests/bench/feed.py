"""New messages at a steady rate from a process of its own, which can also read the stream of signals.

It puts messages into the gateway as its Telegram session would, and notes when the stream tells of each: both by one
clock. A :class:`Feed` is read from standard input, a :class:`Fed` written to standard output, both as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse

from ops.gateway.database import open_database
from ops.gateway.records import record_from_json
from ops.gateway.repository import Repository

__all__ = ["Fed", "Feed", "feed"]

#: a message that is not on the stream so long after the last one was put in is lost
LATEST_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What to put in. ``at_once`` messages stand in one insert; ``stream_port`` is an engine's, to read its stream."""

    gateway_url: str
    channel: str
    per_second: float
    seconds: float
    at_once: int = 1
    stream_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """How many were put in within which time, and after how many milliseconds the stream told of each."""

    put: int
    seconds: float
    latencies_ms: list[float]


def feed(plan: Feed) -> Fed:
    """Put messages in, and wait until the stream has told of all of them.

    Raises:
        RuntimeError: one did not come, or could not be put in.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.feed"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"feeding failed: {done.stderr.strip().splitlines()[-1]}")
    return Fed(**json.loads(done.stdout))


def _feed(plan: Feed) -> Fed:
    put_s: dict[str, float] = {}
    seen_s: dict[str, float] = {}
    rounds = int(plan.per_second * plan.seconds / plan.at_once)
    reader = None
    if plan.stream_port is not None:
        reader = threading.Thread(
            target=_read_stream, args=(_open_stream(plan), seen_s, rounds * plan.at_once), daemon=True
        )
        reader.start()
    first = time.time_ns() // 1000  # ids that no earlier feed had
    pause = threading.Event()
    with open_database(plan.gateway_url) as database:
        repository = Repository(database)
        repository.ping()
        began_s = time.monotonic()
        for number in range(rounds):
            pause.wait(began_s + number * plan.at_once / plan.per_second - time.monotonic())
            messages = [
                _message(plan.channel, first + number * plan.at_once + step) for step in range(plan.at_once)
            ]
            repository.insert_many([record_from_json(message) for message in messages])
            put_s |= {message["messageId"]: time.monotonic() for message in messages}
        seconds = time.monotonic() - began_s
    if reader is None:
        return Fed(put=len(put_s), seconds=seconds, latencies_ms=[])
    reader.join(LATEST_S)
    if missing := put_s.keys() - seen_s.keys():
        raise RuntimeError(f"{len(missing)} of {len(put_s)} messages did not come to the stream")
    # the stream may tell of a message before its insert has returned here
    return Fed(
        put=len(put_s),
        seconds=seconds,
        latencies_ms=[max(0.0, seen_s[key] - at_s) * 1000 for key, at_s in put_s.items()],
    )


def _message(channel: str, number: int) -> Mapping[str, str]:
    at = datetime.now(UTC).isoformat()
    text = f"🟢Swing Trade\n\nAtivo: PETR4\nCompra: {number % 90 + 10},50\nAlvo 1: 110,00\nStop: 5,25"
    return {
        "channelId": channel,
        "messageId": str(number),
        "text": text,
        "receivedAt": at,
        "telegramDate": at,
    }


def _open_stream(plan: Feed) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", plan.stream_port, timeout=LATEST_S)
    connection.request("GET", f"/signals/stream?channel={plan.channel}")
    answer = connection.getresponse()
    answer.readline()  # it is open: what is committed from now on is told
    return answer


def _read_stream(answer: HTTPResponse, seen_s: dict[str, float], wanted: int) -> None:
    while len(seen_s) < wanted and (line := answer.readline()):
        if line.startswith(b"data: "):
            now_s = time.monotonic()
            if key := json.loads(line[6:]).get("message_id"):
                seen_s[key] = now_s


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_feed(Feed(**json.load(sys.stdin))))))
