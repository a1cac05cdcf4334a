"""Who may ask what: host names, origins, the API key."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from config.keys import ApiKeyEntry
from ops.http.server.clients import Proxies
from ops.http.server.guard import Guard, GuardPolicy
from ops.http.server.hosts import ServedHosts
from ops.http.server.keys import KeyRing
from tests.support.clock import FakeClock

KEY = "right-key"


def policy(
    *,
    loopback: bool = True,
    api_key: str | None = None,
    read_key: str | None = None,
    allowed_hosts: Sequence[str] = (),
    **changes: Any,
) -> GuardPolicy:
    keys = [ApiKeyEntry(name="default", scope="write", secret=api_key)] if api_key else []
    keys += [ApiKeyEntry(name="reader", scope="read", secret=read_key)] if read_key else []
    hosts = ServedHosts(
        loopback=loopback, allowed=allowed_hosts, machine=lambda: frozenset({"box", "box.lan"})
    )
    values: dict[str, Any] = {"allow_open": False, "read_key_required": False, "origins": ()}
    return GuardPolicy(hosts=hosts, keys=KeyRing(keys), **values | changes)


def status_of(
    rules: GuardPolicy,
    method: str = "GET",
    path: str = "/signals",
    trusted: str = "",
    came_in_by: str = "127.0.0.1",
    *,
    again: str = "",
    **headers: str,
) -> tuple[int, str]:
    """Ask through the guard; 200 is the application's own answer. ``again``: one more, as `name: value`."""
    sent: list[Message] = []
    names = {"host": "127.0.0.1:4008"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(k.encode(), v.encode("latin-1")) for k, v in names.items()]
    if again:
        name, value = again.encode("latin-1").split(b": ")
        raw.append((name, value))
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": raw,
        "query_string": b"",
        "client": ("127.0.0.1", 50_000),
        "server": (came_in_by, 4008),
        "state": {},
    }
    proxies = Proxies(trusted.split())
    scope["state"]["asker"] = proxies.asker(scope)
    scope["state"]["forwarded_hosts"], _ = proxies.forwarded(scope)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    application = Guard(PlainTextResponse("passed"), policy=rules, clock=FakeClock())
    run(application(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def run(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.mark.parametrize(
    "again",
    [
        f"x-api-key: {KEY}",
        "x-api-key: another",
        "origin: http://evil.example",
        "host: evil.example",
        "content-type: text/plain",
        "sec-fetch-site: cross-site",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_of_two_headers_of_a_name_none_is_believed(again: str, method: str) -> None:
    first = {
        "x_api_key": KEY,
        "origin": "http://127.0.0.1:4008",
        "content_type": "application/json",
        "sec_fetch_site": "none",
    }
    assert status(policy(api_key=KEY), method, **first) == 200
    refused, body = status_of(policy(api_key=KEY), method, again=again, **first)
    assert (refused, f"the header {again.partition(':')[0]} once" in body) == (400, True)
    assert "another" not in body


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


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("evil.example", False), ("evil.example:4008", False), ("box.evil.example", False), ("", False),
        ("127.0.0.1.evil.example", False), ("evil.example@127.0.0.1", False), ("[::1", False), ("localhost.evil", False),
        ("2130706433", False), ("0x7f.1", False), ("127.1", False), ("box:x", False), ("box, evil.example", False),
        ("box", True), ("BOX:4008", True), ("box.", True), ("box.lan.:80", True), ("localhost", True),
        ("10.0.0.5:4008", True), ("192.168.1.9", True), ("[2001:db8::1]:4008", True), ("[::ffff:10.0.0.5]", True),
    ],
)  # fmt: skip
def test_fault_52_off_loopback_addresses_and_the_machines_own_names_alone_are_served(
    host: str, served: bool
) -> None:
    rules = policy(loopback=False, api_key=KEY)
    assert status(rules, "GET", "/logs", host=host) == (200 if served else 421)


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("tp.example", True), ("TP.EXAMPLE.:4008", True), ("localhost:4008", True), ("127.0.0.1", True), ("[::1]:1", True),
        ("10.0.0.5:4008", True), ("[::ffff:10.0.0.5]:4008", True),
        ("evil.example", False), ("box", False), ("10.0.0.6", False), ("tp.example.evil", False), ("", False),
    ],
)  # fmt: skip
def test_fault_52_a_list_of_names_holds_off_loopback_too(host: str, served: bool) -> None:
    rules = policy(loopback=False, api_key=KEY, allowed_hosts=("TP.example",))
    assert status(rules, host=host, came_in_by="10.0.0.5") == (200 if served else 421)


def test_a_listed_address_needs_no_brackets() -> None:
    rules = policy(loopback=False, api_key=KEY, allowed_hosts=("2001:db8::0:1", "[2001:db8::2]:80"))
    assert status(rules, host="[2001:db8::1]:4008") == 200
    assert status(rules, host="[2001:db8::2]:80") == 200
    assert status(rules, host="[2001:db8::2]:81") == 421


def test_fault_52_a_forwarded_host_counts_from_a_trusted_proxy_and_hides_no_foreign_one() -> None:
    rules = policy(allowed_hosts=("tp.example",))
    here = "127.0.0.1"
    assert status(rules, trusted=here, x_forwarded_host="tp.example") == 200
    assert status(rules, trusted=here, x_forwarded_host="evil.example") == 421
    assert status(rules, trusted=here, x_forwarded_host="tp.example, evil.example") == 421
    assert status(rules, trusted=here, host="evil.example", x_forwarded_host="tp.example") == 421
    assert status(rules, host="evil.example", x_forwarded_host="tp.example") == 421
    assert status(rules, x_forwarded_host="evil.example") == 200  # from nobody: not looked at
    asked = {"origin": "https://tp.example", "x_api_key": KEY, "x_forwarded_host": "tp.example"}
    rules = policy(api_key=KEY, allowed_hosts=("tp.example",))
    assert status(rules, "POST", "/backfill", trusted=here, **asked) == 200
    assert status(rules, "POST", "/backfill", **asked) == 403


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


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/docs.js", "/assets/app.js", "/openapi.json", "/s/7", "/sw.js"]
)
def test_pages_without_data_never_need_a_key(path: str) -> None:
    rules = policy(api_key=KEY, read_key_required=True)
    assert status(rules, "GET", path) == 200
    assert status(rules, "POST", path) == 401


@pytest.mark.parametrize("path", ["/health", "/healthz", "/livez", "/ready", "/readyz"])
def test_probes_never_need_a_key_fault_20(path: str) -> None:
    assert status(policy(api_key=KEY, read_key_required=True), "GET", path) == 200


def test_allow_open_opens_every_write_but_to_foreign_pages() -> None:
    rules = policy(loopback=False, allow_open=True)
    assert status(rules, "DELETE", "/signals", host="10.0.0.5") == 200
    assert status(rules, "DELETE", "/signals", host="10.0.0.5", origin="http://evil.example") == 403
    assert status(rules, "DELETE", "/signals", host="any.example") == 421


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

    run(Guard(application, policy=policy(), clock=FakeClock())({"type": "lifespan"}, nothing, nothing))
    assert passed == ["lifespan"]


def test_the_guard_fits_the_framework() -> None:
    Starlette().add_middleware(Guard, policy=policy(), clock=FakeClock())


# ── bodies, scopes, what is logged ───────────────────────────────────────────


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_fault_50_a_body_that_a_page_can_send_unasked_is_refused(kind: str) -> None:
    rules = policy(loopback=False, allow_open=True)
    assert status(rules, "POST", "/backfill", content_length="2", content_type=kind) == 415
    assert status(rules, "POST", "/backfill", transfer_encoding="chunked", content_type=kind) == 415
    assert status(rules, "POST", "/backfill", content_length="0", content_type=kind) == 200


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
def test_json_is_taken(kind: str) -> None:
    assert status(policy(allow_open=True), "POST", "/backfill", content_length="2", content_type=kind) == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_sends_no_origin_says_it_is_another_sites(site: str) -> None:
    assert status(policy(), "POST", "/sync-messages", sec_fetch_site=site) == 403
    assert status(policy(), "POST", "/sync-messages", sec_fetch_site="same-origin") == 200


def test_fault_59_a_read_key_reads_and_does_not_write() -> None:
    rules = policy(api_key=KEY, read_key="read-key", read_key_required=True)
    assert status(rules, x_api_key="read-key") == 200
    assert status(rules, x_api_key=KEY) == 200
    refused, body = status_of(rules, "POST", "/backfill", x_api_key="read-key")
    assert refused == 403
    assert "may read" in body
    assert status(policy(read_key="read-key"), "POST", "/backfill", x_api_key="read-key") == 403


def test_keys_are_exchanged_while_it_serves() -> None:
    rules = policy(api_key=KEY)
    rules.keys.replace([ApiKeyEntry(name="new", scope="write", secret="new-key")])
    assert status(rules, "POST", "/backfill", x_api_key=KEY) == 403
    assert status(rules, "POST", "/backfill", x_api_key="new-key") == 200


def test_sync_can_be_left_open_to_this_machine_though_there_is_a_key() -> None:
    rules = policy(api_key=KEY, sync_open=True)
    assert status(rules, "POST", "/sync-messages") == 200
    assert status(rules, "POST", "/sync-messages", x_api_key="wrong") == 403
    assert status(rules, "POST", "/sync-messages", x_forwarded_for="10.0.0.1") == 401
    assert status(rules, "POST", "/backfill") == 401
    assert status(policy(loopback=False, api_key=KEY, sync_open=True), "POST", "/sync-messages") == 401


def test_fault_58_refused_keys_and_writes_are_told_of_without_a_key() -> None:
    rules = policy(api_key=KEY)
    with capture_logs() as lines:
        status(rules, "POST", "/backfill", x_api_key="wrong-key")
        status(rules, "GET", "/signals", x_api_key="wrong-key")
        status(rules, "POST", "/backfill", x_api_key=KEY)
    assert [(line["event"], line["status"], line["path"], line["address"]) for line in lines] == [
        ("request.refused", 403, "/backfill", "127.0.0.1"),
        ("request.refused", 200, "/signals", "127.0.0.1"),
        ("write.served", 200, "/backfill", "127.0.0.1"),
    ]
    assert lines[2]["key"] == "default"
    assert KEY not in str(lines)
    assert "wrong-key" not in str(lines)
