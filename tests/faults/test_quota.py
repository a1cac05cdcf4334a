"""A gateway that counts requests (fault 47): what it allows is spread over its window, and shared by all who ask."""

import dataclasses
import itertools
import math
import statistics
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.support.httpstub import Answer, HttpStub, Request, json_answer
from tests.support.messages import CHANNEL, OTHER_CHANNEL
from tests.support.stack import engine_environment, eventually, running_daemon

CHANNELS = (CHANNEL, OTHER_CHANNEL, "-1002000000003")
CALLS, WINDOW_S = 60, 6.0
EMPTY = json_answer({"success": True, "data": [], "count": 0, "pagination": {"total": 0}})
SYNCED = {"success": True, "data": {"totalMessagesSynced": 0, "totalMessagesSaved": 0}}


class Counting:
    """Answers as express-rate-limit does: fixed windows, refused when used up."""

    def __init__(self, *, as_instant: bool) -> None:
        self._as_instant = as_instant
        self._lock = threading.Lock()
        self._ends_s, self._used = 0.0, 0
        self.refused = 0

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            if request.at >= self._ends_s:
                self._ends_s, self._used = request.at + WINDOW_S, 0
            self._used += 1
            left, reset_s = CALLS - self._used, math.ceil(self._ends_s - request.at)
            self.refused += left < 0
        reset = math.ceil(time.time() + self._ends_s - request.at) if self._as_instant else reset_s
        names = ("X-RateLimit-Remaining", "X-RateLimit-Reset")
        if not self._as_instant:
            names = ("RateLimit-Remaining", "RateLimit-Reset")
        answer = EMPTY if left >= 0 else json_answer({"success": False}, status=429)
        told = dict(zip(names, (str(max(0, left)), str(reset)), strict=True))
        return dataclasses.replace(answer, headers={**answer.headers, **told})


def polls(stub: HttpStub) -> list[tuple[str, float]]:
    """Return (channel, when) of each poll for messages."""
    found = []
    for request in stub.requests:
        asked = parse_qs(urlsplit(request.path).query)
        if asked.get("status") == ["received,queued"] and "wait" not in asked:
            found.append((asked["channel"][0], request.at))
    return found


@pytest.mark.parametrize("as_instant", [False, True], ids=["seconds", "instant"])
def test_fault_47_channels_polled_faster_than_allowed_have_their_turns(
    database_url: str, *, as_instant: bool
) -> None:
    fair_s = len(CHANNELS) * WINDOW_S / CALLS
    gateway = Counting(as_instant=as_instant)
    with HttpStub() as stub:
        stub.answer_by(gateway)
        environment = engine_environment(
            database_url,
            stub.url,
            TP_CAPITAL_SIGNALS_CHANNEL_ID=",".join(CHANNELS),
            GATEWAY_POLLING_INTERVAL_MS="50",
        )
        with running_daemon(environment) as engine:
            engine.wait_healthy()
            eventually(lambda: len(polls(stub)) > 0)
            # the first window has begun without a word of it
            begun_s = time.monotonic() + WINDOW_S
            eventually(lambda: time.monotonic() > begun_s + 1.5 * WINDOW_S)
            told = [(channel, at) for channel, at in polls(stub) if at > begun_s]
    gaps = []
    for channel in CHANNELS:
        times = [at for one, at in told if one == channel]
        gaps += [after - before for before, after in itertools.pairwise(times)]
    # headers tell whole seconds, which is much of a window of six
    assert statistics.quantiles(gaps, n=20)[-1] < 2.5 * fair_s, gaps
    assert len(told) > 0.6 * 1.5 * CALLS, "what is allowed is used"
    assert gateway.refused <= 2


def test_fault_47_a_sync_that_a_client_asks_for_is_of_the_same_quota(database_url: str) -> None:
    used_up = {"RateLimit-Remaining": "0", "RateLimit-Reset": "60"}

    def answer(request: Request) -> Answer:
        if "sync-messages" in request.path:
            return dataclasses.replace(json_answer(SYNCED), headers=used_up)
        return EMPTY

    with HttpStub() as stub:
        stub.answer_by(answer)
        with running_daemon(engine_environment(database_url, stub.url)) as engine:
            engine.wait_healthy()
            assert requests.post(f"{engine.url}/sync-messages", timeout=10).status_code == 200
            eventually(lambda: any("sync-messages" in request.path for request in stub.requests))
            synced_s = next(request.at for request in stub.requests if "sync-messages" in request.path)
            time.sleep(1.0)
            late = [at for _, at in polls(stub) if at > synced_s + 0.3]
            assert not late, "polled five times a second, though nothing was left"
