"""What protects the gateway: the engine's own guards and limits (faults 50, 52, 60), and its key."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.local.ports import free_port
from tests.support.forked import ForkedCommand, run_forked
from tests.support.stack import eventually, surroundings

CHANNEL = "-1001649127710"


@pytest.fixture
def row(gateway: Any) -> str:
    gateway.put({"messageId": "7", "text": "the true text"})
    (message,) = gateway.unprocessed()
    return str(message["id"])


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Host": "evil.example"}, 421),
        ({"Content-Type": "application/json", "Host": "evil.example", "X-Forwarded-Host": "localhost"}, 421),
    ],
)
def test_fault_50_a_foreign_page_changes_nothing(
    gateway: Any, row: str, headers: dict[str, str], refused: int
) -> None:
    for path in (f"/api/messages/{row}/reprocess", f"/api/v1/messages/{row}/reprocess/"):
        answer = requests.post(gateway.url + path, data=b'{"text":"forged"}', headers=headers, timeout=10)
        assert answer.status_code == refused
        assert (answer.json()["success"], bool(answer.json()["message"])) == (False, True)
    marked = b'{"messageIds":["7"],"processedBy":"tp-capital"}'
    answer = requests.post(
        f"{gateway.url}/api/messages/mark-processed", data=marked, headers=headers, timeout=10
    )
    assert answer.status_code == refused
    (message,) = gateway.unprocessed()
    assert (message["text"], message["status"]) == ("the true text", "received")


def test_a_preflight_of_a_foreign_page_is_not_allowed(gateway: Any, row: str) -> None:
    answer = requests.options(
        f"{gateway.url}/api/messages/{row}/reprocess",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        timeout=10,
    )
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/health", f"/api/messages/unprocessed?channel={CHANNEL}", "/api/messages"])
def test_fault_52_a_rebinding_page_reads_nothing(gateway: Any, path: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:4010", ""):
        assert requests.get(gateway.url + path, headers={"Host": host}, timeout=10).status_code in (400, 421)
    for host in ("localhost:1", "127.0.0.1", "[::1]:4010"):
        assert requests.get(gateway.url + path, headers={"Host": host}, timeout=10).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 93_000_000,
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 1_000_000,
    ],
    ids=["one header", "many headers"],
)
def test_fault_60_a_head_has_the_engines_limits(gateway: Any, head: bytes) -> None:
    port = int(gateway.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(head)  # it is refused long before the end
        try:
            said = client.recv(200)
        except ConnectionResetError:
            said = b""
    assert said == b"" or b" 431 " in said
    assert gateway.get("/health").status_code == 200


def test_every_answer_has_the_security_headers(gateway: Any) -> None:
    for path in ("/health", "/api/messages", "/nowhere"):
        assert gateway.get(path).headers["X-Content-Type-Options"] == "nosniff"


# ── as a process ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("environment", "said"),
    [({}, "--allow-open"), ({"TELEGRAM_GATEWAY_API_KEY": "short"}, "fewer than 16 characters")],
)
def test_off_loopback_it_wants_a_key_that_cannot_be_guessed(
    gateway_database: str, tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    given = {**surroundings(), "TELEGRAM_GATEWAY_DATABASE_URL": gateway_database, **environment}
    words = ("gateway", "--host", "0.0.0.0", "--port", str(free_port()))
    done = run_forked(*words, environment=given, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_fault_59_its_key_stands_in_a_file_and_is_read_again(
    gateway_database: str, tmp_path: Path, start_gateway: Callable[..., Any]
) -> None:
    file, port = tmp_path / "key", free_port()
    file.write_text("the-first-key-of-it\n")

    def status(key: str) -> int:
        try:
            url = f"http://127.0.0.1:{port}/api/messages"
            return requests.get(url, headers={"X-Gateway-Token": key}, timeout=30).status_code
        except requests.RequestException:
            return 0

    log = tmp_path / "log"
    process = ForkedCommand(
        *("gateway", "--port", str(port)),
        environment={
            **surroundings(),
            "TELEGRAM_GATEWAY_DATABASE_URL": gateway_database,
            "TELEGRAM_GATEWAY_API_KEY_FILE": str(file),
        },
        folder=tmp_path,
        log=log,
    )
    try:
        eventually(lambda: status("the-first-key-of-it") == 200)
        assert (status(""), status("wrong")) == (403, 403)
        file.write_text("the-second-key-of-it\n")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: status("the-second-key-of-it") == 200)
        assert status("the-first-key-of-it") == 403
        file.unlink()
        process.send_signal(signal.SIGHUP)
        assert status("the-second-key-of-it") == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(45)
    assert "keys.kept" in log.read_text()
    assert "-key-of-it" not in log.read_text()
