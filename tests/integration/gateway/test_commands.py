"""Importing into a real store, and the command line in a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from ops.gateway.importer import import_file, import_messages
from ops.local.keys import SETTINGS_FILE, write_settings
from ops.local.ports import free_port
from ops.local.sample import load_sample
from tests.support.forked import ForkedCommand, run_forked
from tests.support.stack import eventually, surroundings

CHANNEL = "-1001649127710"
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)

pytestmark = pytest.mark.integration


def run(
    *arguments: str, database_url: str | None = None, folder: Path = Path("/")
) -> subprocess.CompletedProcess[str]:
    url = [] if database_url is None else ["--database-url", database_url]
    return run_forked("gateway", *url, *arguments, environment=surroundings(), folder=folder)


def test_sample_is_imported_once_whatever_the_day(gateway: Any) -> None:
    sample = load_sample(NOW)
    report = import_messages(gateway.database_url, sample)
    assert (report.imported, report.bad) == (len(sample), [])
    again = import_messages(gateway.database_url, load_sample(NOW + timedelta(days=3)))
    assert (again.imported, again.already_there) == (0, len(sample))
    listed = gateway.unprocessed()
    assert [m["messageId"] for m in listed] == [m["messageId"] for m in sample]
    history = gateway.get("/api/messages", sort="asc", limit=1000).json()["data"]
    assert history[-1]["telegramDate"] is None


def test_import_of_the_same_export_again_adds_nothing(gateway: Any, tmp_path: Path) -> None:
    messages = [
        {"id": n, "type": "message", "date_unixtime": str(1762952671 + n), "text": f"texto {n}"}
        for n in range(1, 1201)
    ]
    path = tmp_path / "result.json"
    chat = {"name": "x", "type": "private_channel", "id": 1649127710, "messages": messages}
    path.write_text(json.dumps(chat))
    assert import_file(path, gateway.database_url).imported == 1200
    messages[0]["text"] = "editado"
    path.write_text(json.dumps(chat))
    report = import_file(path, gateway.database_url)
    assert (report.imported, report.already_there) == (1, 1199)
    ids = [m["messageId"] for m in gateway.unprocessed(limit=3)]
    assert ids == ["1", "2", "3"], "in the order of the file"


def test_a_row_without_source_id_stands_for_any(gateway: Any) -> None:
    gateway.execute(
        "INSERT INTO telegram_gateway.messages (channel_id, message_id, text) VALUES (%s, '1', 'x')", CHANNEL
    )
    report = gateway.put({"id": "a", "messageId": "1", "text": "x"}, {"messageId": "1", "text": "x"})
    assert (report.imported, report.already_there) == (0, 2)


def test_import_command_reports_bad_lines(gateway: Any, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(
        '{"channelId": "-1005", "messageId": 1, "text": "segredo"}\n{"messageId": 2}\n{"segredo\n'
    )
    done = run("import", str(path), database_url=gateway.database_url)
    assert done.returncode == 1
    assert "imported 1, skipped 0" in done.stdout
    assert "line 2: channelId is missing" in done.stderr
    assert "line 3: not JSON" in done.stderr
    assert "segredo" not in done.stdout + done.stderr
    moved = run("import", str(path), "--channel=-1009", database_url=gateway.database_url)
    assert "imported 2" in moved.stdout


def test_import_finds_the_demo_or_the_stack_of_its_folder(gateway: Any, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text('{"channelId": "-1006", "messageId": 1, "text": "x"}\n')
    nothing = run("import", "lines.jsonl", folder=tmp_path)
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert "tp-capital demo" in nothing.stderr
    for name, url in (("demo", gateway.database_url), ("stack", "postgresql://user:secret@127.0.0.1:1/x")):
        kept = tmp_path / ".tp-capital" / name / SETTINGS_FILE
        kept.parent.mkdir(parents=True)
        write_settings(kept, {"TELEGRAM_GATEWAY_DATABASE_URL": url})
        if name == "demo":
            found = run("import", "lines.jsonl", folder=tmp_path)
            assert (found.returncode, "imported 1" in found.stdout) == (0, True), found.stderr
            assert "using the demo of this folder" in found.stderr
    two = run("import", "lines.jsonl", folder=tmp_path)
    assert (two.returncode, two.stderr.count("\n")) == (2, 1)
    assert "--in demo or --in stack" in two.stderr
    assert "already" in run("import", "lines.jsonl", "--in", "demo", folder=tmp_path).stdout
    away = run("import", "lines.jsonl", "--in=stack", database_url=gateway.database_url, folder=tmp_path)
    assert (away.returncode, "not available" in away.stderr, "secret" in away.stderr) == (1, True, False)


@pytest.mark.parametrize(
    ("arguments", "database_url", "code"),
    [
        ((), None, 2),
        ((), "nonsense", 2),
        (("--port", "99999"), "postgresql://127.0.0.1:1/x", 2),
        (("import", "/nowhere/x.json"), "postgresql://127.0.0.1:1/x", 2),
        (("import", "/dev/null", "--channel", "abc"), "postgresql://127.0.0.1:1/x", 2),
        (("import", "/dev/null"), "postgresql://user:secret@127.0.0.1:1/x", 1),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], database_url: str | None, code: int) -> None:
    done = run(*arguments, database_url=database_url)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr + done.stdout
    if code == 1:
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_taken_port_is_one_line(gateway: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]), database_url=gateway.database_url)
    assert done.returncode == 1
    assert done.stderr.startswith("tp-capital: cannot listen on 127.0.0.1 port")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_with_waiters_inside(
    gateway: Any, tmp_path: Path, number: signal.Signals
) -> None:
    port, log = free_port(), tmp_path / "log"
    process = ForkedCommand(
        *("gateway", "--database-url", gateway.database_url, "--port", str(port)),
        environment=surroundings(),
        folder=tmp_path,
        log=log,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _listens(port))
        held: list[int] = []
        params = {"channel": "-1005", "wait": "30"}
        waiter = threading.Thread(
            target=lambda: held.append(
                requests.get(url + "/api/messages/unprocessed", params=params, timeout=40).status_code
            )
        )
        waiter.start()
        eventually(lambda: requests.get(f"{url}/health", timeout=30).json()["waiting"] == 1)
        process.send_signal(number)
        code = process.wait(20)
        waiter.join(timeout=5)
    finally:
        process.kill()
    assert code == 0, log.read_text()
    assert "gateway.stopped" in log.read_text()
    assert held == [200]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_gateways_may_apply_the_schema_at_once(gateway: Any, postgres: Any) -> None:
    postgres.create_database("twice")
    url = postgres.dsn("twice")
    errors: list[BaseException] = []

    def start() -> None:
        try:
            import_messages(url, [{"channelId": "-1005", "messageId": "1", "text": "x"}])
        except BaseException as exc:  # noqa: BLE001 - shown by the assertion
            errors.append(exc)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM telegram_gateway.messages").fetchone() == (1,)
