"""What protects the service, on a running one: limits, proxies, origins, headers, and what never leaks."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest
import requests

from ops.http.server.middleware import SECURITY_HEADERS
from tests.support.serving import Served, serving

KEY = "k3y-of-the-protected"
PAGE = "https://page.example"


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    with serving(
        module_database_url,
        TP_CAPITAL_API_KEY=KEY,
        TP_CAPITAL_TRUSTED_PROXIES="127.0.0.1",
        RATE_LIMIT_MAX_REQUESTS="3",
        RATE_LIMIT_WINDOW_MS="60000",
        CORS_ORIGIN=PAGE,
    ) as one:
        yield one


def get(served: Served, path: str = "/signals", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(served.url + path, headers=named, timeout=10)


def test_a_client_behind_the_proxy_is_limited_and_told(served: Served) -> None:
    answers = [get(served, X_Forwarded_For="203.0.113.1") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    last = answers[-1]
    assert last.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert get(served, X_Forwarded_For="203.0.113.2").status_code == 200
    assert get(served, X_Forwarded_For="203.0.113.1", X_API_Key=KEY).status_code == 200
    assert get(served, X_Forwarded_For="203.0.113.1", X_API_Key="wrong").status_code == 429


def test_an_address_that_no_trusted_proxy_wrote_is_not_believed(migrated_url: str) -> None:
    with serving(migrated_url, RATE_LIMIT_MAX_REQUESTS="3") as untrusting:
        answers = [get(untrusting, X_Forwarded_For=f"203.0.113.{number}") for number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_fault_20_probes_are_answered_whatever_a_client_has_used(served: Served) -> None:
    for _ in range(5):
        get(served, X_Forwarded_For="203.0.113.3")
    for path in ("/health", "/healthz", "/livez", "/ready", "/readyz"):
        answer = get(served, path, X_Forwarded_For="203.0.113.3")
        assert (answer.status_code, "RateLimit-Remaining" in answer.headers) == (200, False)


def test_a_program_of_this_machine_is_not_limited(served: Served) -> None:
    assert {get(served).status_code for _ in range(10)} == {200}


def test_fault_61_health_without_the_key_tells_no_details(migrated_url: str) -> None:
    with serving(migrated_url, TP_CAPITAL_API_KEY=KEY, TP_CAPITAL_READ_KEY_REQUIRED="1") as closed:
        for path in ("/health", "/api/v1/health"):
            assert get(closed, path).json().keys() == {"status", "checks"}
            assert get(closed, path, X_API_Key="wrong").json().keys() == {"status", "checks"}
            assert get(closed, path, X_API_Key=KEY).json().keys() > {"status", "checks", "details"}
        for path in ("/ready", "/readyz", "/api/v1/readyz"):
            assert get(closed, path).json().keys() == {"status"}
            assert get(closed, path, X_API_Key=KEY).json().keys() == {"status", "reason"}


def test_the_refused_are_counted_too(served: Served) -> None:
    for _ in range(3):
        answer = requests.post(
            f"{served.url}/sync-messages", headers={"X-Forwarded-For": "203.0.113.4"}, timeout=5
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("ApiKey")
    assert get(served, X_Forwarded_For="203.0.113.4").status_code == 429


def test_a_listed_page_may_ask_and_is_told_what_it_may_read(served: Served) -> None:
    preflight = requests.options(
        f"{served.url}/signals",
        headers={
            "Origin": PAGE,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "x-api-key, last-event-id",
        },
        timeout=30,
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
    answer = get(served, Origin=PAGE)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("headers", "blamed"),
    [
        ({"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}, "CORS_ORIGIN"),
        ({"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}, "CORS_ORIGIN"),
        ({"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}, "GET, HEAD, POST, DELETE"),
        (
            {
                "Origin": PAGE,
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "x-evil",
            },
            "Last-Event-ID, X-API-Key",
        ),
    ],
)
def test_a_refused_preflight_is_a_problem_that_blames_what_is_at_fault(
    served: Served, headers: dict[str, str], blamed: str
) -> None:
    preflight = requests.options(f"{served.url}/signals", headers=headers, timeout=30)
    assert (preflight.status_code, preflight.headers["Content-Type"]) == (403, "application/problem+json")
    found = {
        word
        for word in ("CORS_ORIGIN", "GET, HEAD, POST, DELETE", "Last-Event-ID, X-API-Key")
        if word in preflight.json()["detail"]
    }
    assert found == {blamed}
    assert "Access-Control-Allow-Origin" not in get(served, Origin="https://evil.example").headers


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/health", "/metrics", "/signals", "/signals?limit=x", "/nowhere", "/openapi.json"]
)
def test_every_answer_has_the_security_headers(served: Served, path: str) -> None:
    answer = get(served, path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name.decode()] == value.decode()
    assert "Server" not in answer.headers


def test_no_answer_holds_the_key_or_the_databases_address(served: Served, module_database_url: str) -> None:
    paths = get(served, "/openapi.json").json()["paths"]
    texts = [get(served, path.replace("{id}", "1")).text for path in paths if not path.endswith("stream")]
    texts += [get(served, path, X_API_Key="wrong").text for path in ("/signals?x=1", "/logs?limit=1000")]
    secrets = (KEY, module_database_url, module_database_url.rpartition("@")[2])
    assert not [secret for secret in secrets if any(secret in text for text in texts)]


def test_a_reader_of_one_byte_a_second_holds_up_nobody(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as slow:
        slow.sendall(b"POST /sync-messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n")
        slow.sendall(b"X-API-Key: " + KEY.encode() + b"\r\n\r\n{")
        assert get(served).elapsed.total_seconds() < 1


def test_two_keys_in_one_request_are_refused_whichever_is_right(served: Served) -> None:
    for keys in ((KEY, "wrong"), ("wrong", KEY), (KEY, KEY)):
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        connection.putrequest("POST", "/backfill")
        connection.putheader("X-Forwarded-For", "203.0.113.9")
        for key in keys:
            connection.putheader("X-API-Key", key)
        connection.endheaders()
        answer = connection.getresponse()
        problem = json.load(answer)
        connection.close()
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
        assert problem["detail"] == "Send the header x-api-key once."
