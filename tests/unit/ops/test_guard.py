"""Who may ask what: host names, origins, the API key."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from ops.http.clients import Proxies
from ops.http.guard import Guard, GuardPolicy

KEY = "right-key"


def policy(**changes: Any) -> GuardPolicy:
    values: dict[str, Any] = {
        "loopback": True,
        "api_key": None,
        "allow_open": False,
        "read_key_required": False,
        "allowed_hosts": (),
        "origins": (),
    }
    return GuardPolicy(**values | changes)


def status_of(
    rules: GuardPolicy, method: str = "GET", path: str = "/signals", **headers: str
) -> tuple[int, str]:
    """Ask through the guard; 200 is the application's own answer."""
    sent: list[Message] = []
    names = {"host": "127.0.0.1:4008"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw: Sequence[tuple[bytes, bytes]] = [(k.encode(), v.encode("latin-1")) for k, v in names.items()]
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": raw,
        "query_string": b"",
        "client": ("127.0.0.1", 50_000),
        "state": {},
    }
    scope["state"]["asker"] = Proxies([]).asker(scope)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    application = Guard(PlainTextResponse("passed"), policy=rules)
    run(application(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def run(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def status(rules: GuardPolicy, method: str = "GET", path: str = "/signals", **headers: str) -> int:
    return status_of(rules, method, path, **headers)[0]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4008", "localhost", "LocalHost:4008", "[::1]", "[::1]:4008"]
)
def test_a_loopback_name_is_served_on_loopback(host: str) -> None:
    assert status(policy(), host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4008", "127.0.0.1.evil.example", "", "[::1", "0.0.0.0", "localhost.evil"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_foreign_name_on_loopback_is_misdirected(host: str, method: str) -> None:
    assert status(policy(api_key=KEY), method, host=host, x_api_key=KEY) == 421


@pytest.mark.parametrize("host", ["mine.example", "mine.example:4008"])
def test_a_listed_name_is_served_and_the_refusal_names_the_list(host: str) -> None:
    assert status(policy(allowed_hosts=("mine.example",)), host=host) == 200
    refused, body = status_of(policy(), host=host)
    assert refused == 421
    assert "TP_CAPITAL_ALLOWED_HOSTS" in body


def test_a_listed_name_with_a_port_is_that_port_only() -> None:
    assert status(policy(allowed_hosts=("MyBox.Local",)), host="mybox.local:4008") == 200
    rules = policy(allowed_hosts=("mine.example:80",))
    assert status(rules, host="mine.example:80") == 200
    assert status(rules, host="mine.example:81") == 421


def test_off_loopback_any_name_is_served() -> None:
    assert status(policy(loopback=False, api_key=KEY), host="anything.example") == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "http://localhost:4008"]
)
def test_a_page_of_another_origin_may_not_write(origin: str) -> None:
    rules = policy(api_key=KEY)
    assert status(rules, "POST", "/sync-messages", origin=origin, x_api_key=KEY) == 403
    assert status(rules, "GET", "/signals", origin=origin) == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4008", "https://127.0.0.1:4008", "http://mine.example"])
def test_our_own_pages_and_the_listed_may_write(origin: str) -> None:
    rules = policy(origins=("http://mine.example",))
    assert status(rules, "POST", "/sync-messages", origin=origin) == 200


@pytest.mark.parametrize("path", ["/sync-messages", "/api/v1/sync-messages"])
def test_on_loopback_without_a_key_sync_alone_is_open(path: str) -> None:
    assert status(policy(), "POST", path) == 200
    assert status(policy(loopback=False), "POST", path) == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/signals"), ("POST", "/backfill"), ("POST", "/dead-letters/1/retry"), ("PUT", "/x")],
)
def test_any_other_write_without_a_key_is_refused_and_names_the_setting_fault_26(
    method: str, path: str
) -> None:
    refused, body = status_of(policy(), method, path)
    assert refused == 401
    assert "TP_CAPITAL_API_KEY" in body


@pytest.mark.parametrize("path", ["/sync-messages", "/backfill"])
def test_with_a_key_every_write_needs_it(path: str) -> None:
    rules = policy(api_key=KEY)
    assert status(rules, "POST", path) == 401
    for wrong in ("", "wrong", KEY + "x", KEY.upper(), "\xe9"):
        assert status(rules, "POST", path, x_api_key=wrong) == 403
    assert status(rules, "POST", path, x_api_key=KEY) == 200


def test_reads_are_open_unless_told_otherwise() -> None:
    assert status(policy(api_key=KEY)) == 200
    rules = policy(api_key=KEY, read_key_required=True)
    for path in ("/signals", "/api/v1/signals", "/metrics", "/logs"):
        assert status(rules, "GET", path) == 401
        assert status(rules, "GET", path, x_api_key="wrong") == 403
        assert status(rules, "GET", path, x_api_key=KEY) == 200


def test_what_a_proxy_passed_on_is_not_from_this_machine() -> None:
    for header in ("x_forwarded_for", "forwarded", "via", "x_real_ip"):
        assert status(policy(), "POST", "/sync-messages", **{header: "10.0.0.1"}) == 401


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/docs.js", "/assets/app.js", "/openapi.json"])
def test_pages_without_data_never_need_a_key(path: str) -> None:
    rules = policy(api_key=KEY, read_key_required=True)
    assert status(rules, "GET", path) == 200
    assert status(rules, "POST", path) == 401


@pytest.mark.parametrize("path", ["/health", "/healthz", "/livez", "/ready", "/readyz"])
def test_probes_never_need_a_key_fault_20(path: str) -> None:
    assert status(policy(api_key=KEY, read_key_required=True), "GET", path) == 200


def test_allow_open_opens_every_write_but_to_foreign_pages() -> None:
    rules = policy(loopback=False, allow_open=True)
    assert status(rules, "DELETE", "/signals", host="any.example") == 200
    assert status(rules, "DELETE", "/signals", host="any.example", origin="http://evil.example") == 403


def test_a_set_key_is_wanted_though_the_engine_is_told_to_be_open() -> None:
    assert status(policy(loopback=False, allow_open=True, api_key=KEY), "POST", "/sync-messages") == 401


def test_a_refusal_is_a_problem_document_without_the_key() -> None:
    _, body = status_of(policy(api_key=KEY), "POST", "/backfill", x_api_key="wrong")
    assert '"status":403' in body
    assert KEY not in body
    assert "wrong-key" not in body


def test_what_is_no_http_request_passes() -> None:
    passed = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Any) -> Any: ...

    run(Guard(application, policy=policy())({"type": "lifespan"}, nothing, nothing))
    assert passed == ["lifespan"]


def test_the_guard_fits_the_framework() -> None:
    Starlette().add_middleware(Guard, policy=policy())
