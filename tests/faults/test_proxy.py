"""Two processes that serve behind the deployment's proxy: readers notice nothing when one of them dies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.bench.scaling.readers import Readers, read_right
from tests.support.haproxy import behind_proxy
from tests.support.serving import EventStream, Served, serving
from tests.support.stack import EngineProcess, engine_environment, eventually

PATHS = ("/signals?limit=5", "/signals?limit=2&asset=PETR4", "/signals/1")
READERS = 4


@dataclass(frozen=True)
class Deployment:
    """Who writes, who serves, and the port that readers use."""

    writing: Served
    one: EngineProcess
    other: EngineProcess
    port: int


def answers(port: int) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).ok
    return False


@pytest.fixture(scope="module")
def deployment(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("proxied")
    with contextlib.ExitStack() as opened:
        writing = opened.enter_context(serving(module_database_url))
        one, other = (
            opened.enter_context(
                EngineProcess(
                    engine_environment(
                        module_database_url,
                        writing.gateway.url,
                        TP_CAPITAL_ROLE="serve",
                        TP_CAPITAL_TRUSTED_PROXIES="127.0.0.1",
                        RATE_LIMIT_MAX_REQUESTS="1000000",
                    ),
                    folder,
                )
            )
            for _ in range(2)
        )
        port = opened.enter_context(behind_proxy(folder, one.port, other.port))
        for each in (one.port, other.port, port):
            eventually(lambda each=each: answers(each), what="does not answer")
        yield Deployment(writing, one, other, port)


@pytest.mark.timeout(180)
def test_readers_notice_nothing_when_each_process_in_turn_is_killed(deployment: Deployment) -> None:
    deployment.writing.commit(1, 2, 3, 4, 5)
    right = read_right(deployment.writing.port, PATHS)
    for engine in (deployment.one, deployment.other):
        eventually(lambda engine=engine: read_right(engine.port, PATHS) == right, what="lags")
    found = Readers(deployment.port, right, requests=600)
    with found.reading(READERS):
        for engine in (deployment.one, deployment.other):
            engine.kill()
            engine.start()
            eventually(lambda engine=engine: answers(engine.port), what="is not back")
    assert found.wrong == []
    assert len(found.failed) <= 2 * READERS, "more than what was in flight"
    assert found.right >= 500


@pytest.mark.timeout(180)
def test_a_stream_comes_through_at_once_and_goes_on_at_the_other_process(deployment: Deployment) -> None:
    stream = EventStream(deployment.port, "/signals/stream", {}, timeout_s=45)
    with contextlib.closing(stream):
        deployment.writing.commit(11)
        (told,) = stream.take(1)
        assert told.data["message_id"] == "11"
        # Streams are shared out, so one of the two held it.
        (holder,) = [one for one in (deployment.one, deployment.other) if one.metric("tpcapital_streams ")]
        holder.kill()
        with pytest.raises((AssertionError, OSError)):
            stream.take(1)
    deployment.writing.commit(12)
    again = EventStream(deployment.port, "/signals/stream", {"Last-Event-ID": told.id}, timeout_s=45)
    with contextlib.closing(again):
        assert [event.data["message_id"] for event in again.take(1)] == ["12"]
    holder.start()


def test_what_a_client_says_of_proxies_is_not_believed_and_a_write_needs_its_key(
    deployment: Deployment,
) -> None:
    url = f"http://127.0.0.1:{deployment.port}"
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"}
    assert requests.get(f"{url}/signals", headers=forged, timeout=20).ok
    assert requests.post(f"{url}/sync-messages", headers=forged, timeout=20).status_code == 401
