"""The rate limit: whom it counts, what it tells, how much it remembers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from ops.http.server.clients import IPV6_SITE_BITS, Requester, group_of
from ops.http.server.limits import MOST_CLIENTS, SITE_TIMES, RateLimit, RatePolicy, Rates
from ops.http.server.seats import PROBES
from tests.support.clock import FakeClock


class Limited:
    """An application behind a limit of three requests in ten seconds."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rates = Rates(RatePolicy(most=3, window_s=10.0), self.clock)
        self.limit = RateLimit(
            self._application,
            rates=self.rates,
            has_key=lambda scope: bool(scope["state"].get("key")),
        )

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def ask(
        self, address: str = "10.0.0.1", *, path: str = "/signals", local: bool = False, key: bool = False
    ) -> tuple[int, dict[str, str]]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            raise NotImplementedError

        asker = Requester(address=group_of(address), local=local, site=group_of(address, bits=IPV6_SITE_BITS))
        state: dict[str, Any] = {"asker": asker, "key": key}
        scope: Scope = {"type": "http", "method": "GET", "path": path, "headers": [], "state": state}
        with pytest.raises(StopIteration):
            self.limit(scope, receive, send).send(None)
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_so_many_requests_are_served_and_no_more_until_the_window_is_over() -> None:
    limited = Limited()
    assert [limited.ask()[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    limited.clock.advance(9.9)
    assert limited.ask()[0] == 429
    limited.clock.advance(0.1)
    assert limited.ask()[0] == 200


def test_each_answer_tells_what_is_left_and_for_how_long() -> None:
    limited = Limited()
    limited.clock.advance(100)
    _, headers = limited.ask()
    assert headers == {
        "ratelimit-policy": "3;w=10",
        "ratelimit-limit": "3",
        "ratelimit-remaining": "2",
        "ratelimit-reset": "10",
    }
    limited.clock.advance(7.5)
    for _ in range(3):
        status, headers = limited.ask()
    assert (status, headers["ratelimit-remaining"], headers["retry-after"]) == (429, "0", "3")
    assert headers["content-type"] == "application/problem+json"


def test_each_client_has_a_limit_of_its_own() -> None:
    limited = Limited()
    assert [limited.ask(f"10.0.0.{n}")[0] for n in range(10)] == [200] * 10


@pytest.mark.parametrize("path", sorted(PROBES))
def test_fault_20_probes_are_never_limited(path: str) -> None:
    limited = Limited()
    for _ in range(4):
        limited.ask()
    assert limited.ask(path=path)[0] == 200


@pytest.mark.parametrize("exempt", ["local", "key"])
def test_programs_of_this_machine_and_who_has_the_key_are_not_counted(exempt: str) -> None:
    limited = Limited()
    answers = [limited.ask(local=exempt == "local", key=exempt == "key") for _ in range(10)]
    # they are shown the policy, and nothing that is used up
    assert answers == [(200, {"ratelimit-policy": "3;w=10", "ratelimit-limit": "3"})] * 10
    assert limited.ask()[1]["ratelimit-remaining"] == "2"


def test_so_many_clients_are_remembered_and_no_more() -> None:
    limited = Limited()
    for number in range(MOST_CLIENTS + 50):
        limited.ask(f"client {number}")
    assert len(limited.rates._windows) == MOST_CLIENTS
    assert limited.ask(f"client {MOST_CLIENTS}")[1]["ratelimit-remaining"] == "1"  # remembered
    assert limited.ask("client 0")[1]["ratelimit-remaining"] == "2"  # forgotten


def test_windows_that_are_over_are_forgotten_with_the_next_new_client() -> None:
    limited = Limited()
    for number in range(20):
        limited.ask(f"client {number}")
    limited.clock.advance(10)
    limited.ask("another")
    assert len(limited.rates._windows) == 1


def test_fault_62_changing_networks_of_one_site_has_a_limit_too() -> None:
    limited = Limited()
    answers = [limited.ask(f"2001:db8:1:{number:x}::1") for number in range(3 * SITE_TIMES + 1)]
    assert [status for status, _ in answers[:-1]] == [200] * 3 * SITE_TIMES
    assert answers[-1][0] == 429
    assert answers[-1][1]["ratelimit-limit"] == str(3 * SITE_TIMES)
    assert limited.ask("2001:db8:2::1")[0] == 200
    limited.clock.advance(10)
    assert limited.ask("2001:db8:1::1")[0] == 200
