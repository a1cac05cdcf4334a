"""Ready answers are given to those alone whom the long way would give the same, and are counted as there."""

from __future__ import annotations

import pytest

from actors.shown.health_report import Status
from actors.shown.snapshots import BackfillSnapshot
from config.keys import ApiKeyEntry
from ops.http.routes.probes import KEEP_S
from ops.http.routes.query import ListQuery
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import ServedHosts
from ops.http.server.keys import KeyRing
from ops.http.server.shortcut import REMEMBERED
from tests.support.clock import FakeClock
from tests.support.ready import Answered, ReadyWorld

KEY, READ_KEY = "key-of-the-test", "read-key-of-the-test"
#: a proxy that is trusted, and a client behind it
TRUSTED, CLIENT = "127.0.0.1", "203.0.113.9"
#: differ from one request to the next, or say which way was taken
_OWN = {"x-cache", "ratelimit-remaining"}


class Guarded(ReadyWorld):
    """A daemon with one page, which is a large one, and the keys of its operator."""

    def __init__(self, *, read_key_required: bool = False, most: int = 1000, root_path: str = "") -> None:
        self.keys = KeyRing(keys(KEY, READ_KEY))
        policy = GuardPolicy(
            hosts=ServedHosts(loopback=True, allowed=["tp.example"]),
            keys=self.keys,
            allow_open=False,
            read_key_required=read_key_required,
            origins=("https://page.example",),
        )
        super().__init__(policy, page, clock=FakeClock(), trusted=(TRUSTED,), most=most, root_path=root_path)
        self.knows(7)

    def twice(self, target: str = "/signals", **asked: str) -> tuple[Answered, Answered]:
        """Ask twice: the long way, which makes the answer ready, and at once."""
        first, second = self.ask(target, **asked), self.ask(target, **asked)
        assert (first.at_once, second.at_once) == (False, True)
        return first, second


def page(query: ListQuery, backfill: BackfillSnapshot | None) -> str:
    return "1_2" + "x" * 2000


def keys(write: str, read: str) -> list[ApiKeyEntry]:
    return [
        ApiKeyEntry(name="default", scope="write", secret=write),
        ApiKeyEntry(name="reader", scope="read", secret=read),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": "HEAD"},
        {"accept_encoding": "gzip"},
        {"accept_encoding": "gzip", "method": "HEAD"},
        {"accept": "text/csv"},
        {"if_none_match": "*"},
        {"if_none_match": '"other"'},
        {"x_forwarded_for": CLIENT},
        {"x_forwarded_for": CLIENT, "x_forwarded_prefix": "/tp", "accept": "text/csv"},
        {"x_api_key": KEY},
        {"host": "tp.example"},
    ],
)
@pytest.mark.parametrize("path", ["/signals", "/signals.csv?limit=9", "/api/v1/signals/?limit=7"])
def test_an_answer_at_once_is_that_of_the_long_way_header_by_header(path: str, asked: dict[str, str]) -> None:
    guarded = Guarded()
    first, second = guarded.ask(path, **asked), guarded.ask(path, **asked)
    assert second.at_once
    assert (second.status, second.sent) == (first.status, first.sent)
    assert second.headers.keys() == first.headers.keys()
    assert {n: v for n, v in second.headers.items() if n not in _OWN} == {
        n: v for n, v in first.headers.items() if n not in _OWN
    }
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("database", "memory")


def test_a_name_that_is_not_served_is_refused_whatever_is_ready() -> None:
    guarded = Guarded()
    guarded.twice()
    for names in ({"host": "evil.example"}, {"host": "tp.example", "x_forwarded_host": "evil.example"}):
        answer = guarded.ask(**names)
        assert (answer.status, answer.at_once) == (421, False)


def test_who_lacks_the_read_key_gets_nothing_of_what_was_made_for_others() -> None:
    guarded = Guarded(read_key_required=True)
    guarded.twice(x_api_key=READ_KEY)
    assert guarded.ask().status == 401
    assert guarded.ask(x_api_key="wrong").status == 403
    assert guarded.ask(method="HEAD", if_none_match="*").status == 401
    assert guarded.ask(x_api_key=READ_KEY).at_once


def test_a_key_that_is_taken_back_opens_nothing_any_more() -> None:
    guarded = Guarded(read_key_required=True)
    guarded.twice(x_api_key=READ_KEY)
    guarded.keys.replace(keys(KEY, "another-read-key"))
    answer = guarded.ask(x_api_key=READ_KEY)
    assert (answer.status, answer.at_once) == (403, False)
    assert guarded.ask(x_api_key="another-read-key").at_once


def test_each_wrong_key_takes_the_long_way_where_it_is_logged() -> None:
    guarded = Guarded()
    guarded.twice()
    for _ in range(2):
        answer = guarded.ask(x_api_key="wrong")
        assert (answer.status, answer.at_once) == (200, False)


def test_the_rate_limit_counts_and_tells_and_refuses_as_ever() -> None:
    guarded = Guarded(most=3)
    answers = [guarded.ask(x_forwarded_for=CLIENT) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.at_once for answer in answers] == [False, True, True, False, False]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert guarded.ask(x_forwarded_for="203.0.113.10").headers["ratelimit-remaining"] == "2"
    assert guarded.ask(x_forwarded_for=CLIENT, x_api_key=KEY).at_once, "a key is exempt"
    assert "ratelimit-remaining" not in guarded.ask().headers, "so is a program of this machine"
    guarded.clock.advance(60)
    guarded.knows(8)
    assert guarded.ask(x_forwarded_for=CLIENT).status == 200


def test_an_address_that_no_trusted_proxy_told_is_not_believed() -> None:
    guarded = Guarded(most=3)
    asked = {"peer": "198.51.100.7", "host": "tp.example"}
    answers = [guarded.ask(**asked, x_forwarded_for=f"203.0.113.{number}") for number in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]


def test_a_prefix_is_believed_of_a_trusted_proxy_and_stays_in_its_own_answers() -> None:
    guarded = Guarded()
    csv = {"accept": "text/csv", "host": "tp.example"}
    _, behind = guarded.twice(**csv, x_forwarded_for=CLIENT, x_forwarded_prefix="/tp")
    assert behind.headers["link"].startswith("</tp/signals?")
    assert guarded.ask(**csv).headers["link"].startswith("</signals?")
    forged = guarded.ask(**csv, peer="198.51.100.7", x_forwarded_prefix="/evil")
    assert forged.headers["link"].startswith("</signals?")


@pytest.mark.parametrize(
    "header", [{"origin": "https://page.example"}, {"origin": "https://evil.example"}, {"range": "bytes=0-1"}]
)
def test_a_header_that_the_shortcut_does_not_know_takes_the_long_way(header: dict[str, str]) -> None:
    guarded = Guarded()
    guarded.twice()
    answers = [guarded.ask(**header) for _ in range(2)]
    assert not any(answer.at_once for answer in answers)
    allowed = [answer.headers.get("access-control-allow-origin") for answer in answers]
    assert allowed == 2 * [header["origin"] if header.get("origin") == "https://page.example" else None]
    assert "access-control-allow-origin" not in guarded.ask().headers


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "BREW"])
def test_no_other_method_is_answered_with_what_is_ready(method: str) -> None:
    guarded = Guarded()
    guarded.twice()
    answer = guarded.ask(method=method)
    assert not answer.at_once
    assert answer.status >= 400


def test_every_answer_is_counted_and_hits_are_shown() -> None:
    guarded = Guarded()
    guarded.twice()
    guarded.ask(method="HEAD")
    guarded.ask(if_none_match="*")
    requests = "tpcapital_http_requests_total"
    assert guarded.count(requests, route="/signals", method="GET", status="200") == 2
    assert guarded.count(requests, route="/signals", method="HEAD", status="200") == 1
    assert guarded.count(requests, route="/signals", method="GET", status="304") == 1
    assert guarded.count("tpcapital_http_request_duration_seconds_count", route="/signals") == 4
    assert guarded.count("tpcapital_cache_requests_total", result="memory") == 3
    assert guarded.count("tpcapital_cache_requests_total", result="miss") == 1


def test_what_was_ready_before_an_outage_is_marked_in_it() -> None:
    guarded = Guarded()
    guarded.twice()
    guarded.database_is(Status.UNHEALTHY)
    guarded.clock.advance(3)
    answer = guarded.ask()
    assert (answer.at_once, answer.headers["x-cache"], answer.headers["age"]) == (False, "stale", "3")
    guarded.database_is(Status.HEALTHY)
    assert "age" not in guarded.ask().headers


def test_clients_that_invent_headers_fill_no_memory() -> None:
    guarded = Guarded()
    guarded.twice()
    for number in range(REMEMBERED + 10):
        assert guarded.ask(user_agent=f"agent {number}").at_once
    assert guarded._shortcut._reader.cache_info().currsize == REMEMBERED  # type: ignore[attr-defined]  # functools.lru_cache


def test_a_probe_is_kept_until_the_next_report_and_no_longer_than_it_may_be() -> None:
    guarded = Guarded()
    guarded.runs()
    assert guarded.twice("/readyz")[1].status == 200
    guarded.database_is(Status.UNHEALTHY, ready=False)
    assert guarded.ask("/readyz").status == 503
    guarded.twice("/livez")
    guarded.clock.advance(KEEP_S)
    assert not guarded.ask("/livez").at_once


def test_a_probe_that_hangs_is_seen_in_time_and_probes_are_not_limited() -> None:
    guarded = Guarded(most=1)
    guarded.runs()
    guarded.clock.advance(9.9)
    for _ in range(3):
        assert guarded.ask("/readyz", x_forwarded_for=CLIENT).status == 200
    guarded.clock.advance(0.2)
    assert guarded.ask("/readyz").status == 503


def test_who_may_not_read_gets_the_short_probe_although_the_long_one_is_ready() -> None:
    guarded = Guarded(read_key_required=True)
    guarded.runs()
    assert b"reason" in guarded.twice("/readyz", x_api_key=READ_KEY)[1].body
    for _ in range(2):
        assert b"reason" not in guarded.ask("/readyz").body
