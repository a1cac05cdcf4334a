"""How long a message takes from Telegram's update, as Telethon gives it, to the stream, to a signed webhook and to the list."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.request import urlopen

import requests
from telethon.tl import types

from ops.gateway.server import ReferenceGatewaySettings, build_server
from ops.gateway.telegram.session import SessionReader
from tests.bench.figures import Figure, Goal, quantile
from tests.bench.measure import Measure
from tests.bench.scene import Scene
from tests.support.alerting import LOOPBACK, SECRET, Receiver
from tests.support.telegram import PlayedTelegram, a_channel, a_post

__all__ = ["MEASURE"]

NUMBER = 2_000_000_001
CHANNEL = f"-100{NUMBER}"
PER_SECOND = 5
LATEST_S = 30.0


@contextmanager
def _gateway(database_url: str, telegram: PlayedTelegram) -> Iterator[str]:
    """Run a gateway in this process that reads a played Telegram, and give its address."""
    settings = ReferenceGatewaySettings(
        host="127.0.0.1",
        port=0,
        database_url=database_url,
        open_reader=lambda store: SessionReader(telegram.client, store, channels=[CHANNEL]),
    )
    server, listening, _ = build_server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": listening.duplicates()})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _latencies(scene: Scene) -> list[tuple[list[float], list[float]]]:
    """Return of each round the milliseconds to the stream, and to the webhook."""
    telegram = PlayedTelegram(a_channel(NUMBER))
    with _gateway(scene.gateway_url, telegram) as gateway, Receiver() as receiver:
        place = scene.place(
            TELEGRAM_GATEWAY_URL=gateway,
            TP_CAPITAL_SIGNALS_CHANNEL_ID=CHANNEL,
            TP_CAPITAL_DOORBELL="1",
            **LOOPBACK,
        )
        with scene.running(place) as engine:
            rule = {
                "name": "bench",
                "kinds": ["signal"],
                "targets": [{"url": receiver.url, "secret": SECRET}],
            }
            key = {"X-API-Key": place.environment["TP_CAPITAL_API_KEY"]}
            url = f"http://127.0.0.1:{engine.port}/alerts"
            requests.post(url, json=rule, headers=key, timeout=30).raise_for_status()
            _round(telegram, receiver, engine.port, first=1, count=PER_SECOND)  # until all is warm
            count = PER_SECOND * scene.scale.of(30, 3)
            rounds = [
                _round(telegram, receiver, engine.port, first=100 + number * count, count=count)
                for number in range(scene.scale.of(3, 1))
            ]
            with urlopen(f"http://127.0.0.1:{engine.port}/api/v1/signals?limit=1000") as answer:
                listed = {signal["message_id"] for signal in json.load(answer)["data"]}
            if len(listed) < min(1000, count):
                raise RuntimeError(f"the list has only {len(listed)} signals")
            return rounds


def _round(
    telegram: PlayedTelegram, receiver: Receiver, port: int, *, first: int, count: int
) -> tuple[list[float], list[float]]:
    """Send updates at a steady rate, and return the milliseconds until the stream and the webhook told of each."""
    told_s: dict[str, float] = {}
    seen_s: dict[str, float] = {}
    before = receiver.count
    connection = HTTPConnection("127.0.0.1", port, timeout=LATEST_S)
    connection.request("GET", f"/signals/stream?channel={CHANNEL}")
    stream = connection.getresponse()
    stream.readline()

    def read() -> None:
        while len(seen_s) < count and (line := stream.readline()):
            if line.startswith(b"data: ") and (key := json.loads(line[6:]).get("message_id")):
                seen_s[key] = time.monotonic()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    pause, began_s = threading.Event(), time.monotonic()
    for step in range(count):
        pause.wait(began_s + step / PER_SECOND - time.monotonic())
        text = f"Ativo: PETR4\nCompra: {step % 90 + 10},50\nAlvo 1: 110,00\nStop: 5,25"
        post = a_post(first + step, text, channel=NUMBER, date=datetime.now(UTC).replace(microsecond=0))
        telegram.put(post)
        told_s[str(post.id)] = time.monotonic()
        telegram.tell(types.UpdateNewChannelMessage(message=post, pts=1, pts_count=1))
    reader.join(LATEST_S)
    connection.close()
    taken = receiver.wait_for_requests(before + count, timeout_s=LATEST_S)[before:]
    hooked_s = {receiver.verified(one)["data"]["signal"]["message_id"]: one.at for one in taken}
    if missing := told_s.keys() - (seen_s.keys() & hooked_s.keys()):
        raise RuntimeError(f"{len(missing)} of {count} messages did not come to the stream and the webhook")
    ways = [[(came_s[key] - at_s) * 1000 for key, at_s in told_s.items()] for came_s in (seen_s, hooked_s)]
    return ways[0], ways[1]


def _run(scene: Scene) -> Iterator[Figure]:
    rounds = _latencies(scene)
    for place, (way, goals) in enumerate((("stream", (50, 200)), ("signed webhook", (100, 300)))):
        for part, share, most in (("p50", 0.5, goals[0]), ("p99", 0.99, goals[1]), ("longest", 1.0, None)):
            values = tuple(quantile(both[place], share) for both in rounds)
            goal = None if most is None else Goal(most=most)
            yield Figure(name=f"update of Telegram to {way}, {part}", unit="ms", values=values, goal=goal)


MEASURE = Measure(
    name="telegram",
    what=f"update of a played Telegram to stream and to a signed webhook, {PER_SECOND}/s",
    run=_run,
)
