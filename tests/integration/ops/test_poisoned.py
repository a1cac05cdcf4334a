"""Poisoned settings and poisoned answers: no command and no answer shows a secret or a raw control character."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from ops.cli import app
from ops.local.ports import free_port
from tests.support.httpstub import Answer, HttpStub, Request, json_answer
from tests.support.stack import EngineProcess, engine_environment, eventually

SECRETS = ("hunter22-gateway", "hunter22-key-of-the-gateway", "hunter22-api-key", "hunter22-database")
STEERING = "\x1b[2J\x9b31m\u202e[red]no[/red]\u2066\x00"
POISON = f"{STEERING} http://u:hunter22-gateway@h/ "
#: what a terminal would obey, or what turns the reading order; ends of lines and tabs aside
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> None:
    """Fail on a secret or on a raw control character."""
    assert [secret for secret in SECRETS if secret in text] == []
    assert RAW.search(text) is None, RAW.search(text)


def poisoned_gateway(request: Request) -> Answer:
    """Give a message that is a dead letter for its text, and fail the history with steering words."""
    if request.method == "GET" and "unprocessed" in request.path:
        row = {
            # a message is data and kept as it is: what it says of anybody's passwords, too
            "id": STEERING,
            "channelId": "-1001649127710",
            "text": STEERING,
            "source": "x",
            "status": "received",
        }
        return json_answer({"success": True, "data": [row], "count": 1})
    return json_answer({"success": False, "message": POISON}, status=500)


def body_of(running: EngineProcess, path: str) -> str:
    try:
        return json.dumps(requests.get(running.url + path, timeout=30).json())
    except requests.ConnectionError:
        return ""


@pytest.fixture(scope="module")
def served(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with HttpStub() as stub:
        stub.answer_by(poisoned_gateway)
        environment = engine_environment(
            module_database_url,
            f"http://user:hunter22-gateway@127.0.0.1:{stub.port}",
            TELEGRAM_GATEWAY_API_KEY="hunter22-key-of-the-gateway",
            TP_CAPITAL_API_KEY="hunter22-api-key",
            TP_CAPITAL_BACKFILL_DELAY_S="0",
        )
        with EngineProcess(environment, tmp_path_factory.mktemp("engine")) as running:
            eventually(lambda: "500" in body_of(running, "/backfill"), deadline_s=60)
            eventually(lambda: "u202e" in body_of(running, "/dead-letters"), deadline_s=60)
            yield running
    assert any("authorization" in request.headers for request in stub.requests)


def values(body: object) -> Iterator[str]:
    """Yield every text of a body: an escape of JSON's is a raw character again once it is read."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield from (key, *values(value))
    elif isinstance(body, list):
        for item in body:
            yield from values(item)
    else:
        yield str(body)


@pytest.mark.parametrize(
    "path", ["/health", "/logs?limit=1000", "/backfill", "/channels", "/metrics", "/summary"]
)
def test_fault_53_and_56_no_answer_shows_a_secret_or_steers(served: EngineProcess, path: str) -> None:
    answer = requests.get(served.url + path, timeout=10)
    is_json = "json" in answer.headers["Content-Type"]
    for text in values(answer.json()) if is_json else [answer.text]:
        harmless(text)


@pytest.mark.parametrize(
    "words",
    [
        *(["status"], ["status", "--json"], ["logs"], ["logs", "--json"]),
        *(["dead-letters", "list"], ["dead-letters", "list", "--json"], ["dead-letters", "export"]),
        *(["dead-letters", "retry", "99999"], ["dead-letters", "retry"]),
    ],
)
def test_fault_56_no_command_shows_a_secret_or_steers_the_terminal(
    served: EngineProcess, words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TP_CAPITAL_API_KEY", "hunter22-api-key")
    result = CliRunner().invoke(app, [*words, "--url", served.url])
    harmless(result.output)
    assert result.output


@pytest.mark.parametrize(
    "words", [["status"], ["logs"], ["dead-letters", "list"], ["backfill"], ["dead-letters", "retry"]]
)
def test_fault_56_a_poisoned_daemon_cannot_steer_the_terminal(words: list[str], tmp_path: Path) -> None:
    finding = {"status": POISON, "since": POISON, "error": POISON}
    channel = {"channel": POISON, "breaker": {"state": POISON}, "lastPoll": POISON, "error": POISON}
    entry = {"timestamp": POISON, "level": POISON, "event": POISON, POISON: POISON}
    letter = dict.fromkeys(
        ("channel", "message_id", "reason", "attempts", "next_attempt_at", "error"), POISON
    )
    body = {
        "status": POISON,
        "checks": {POISON: POISON},
        "details": {
            POISON: finding,
            "gatewayApi": {"channels": [channel]},
            "pollingWorker": {"channels": [channel]},
        },
        "data": [entry | letter | {"id": POISON}],
        "nextCursor": None,
        "last": 1,
        "requestsTaken": 0,
        "error": POISON,
        "detail": POISON,
        "completed": True,
        "phase": "completed",
        "channels": [],
    }
    for status in (200, 500):
        # a backfill is asked for, looked at, and then done
        with HttpStub(json_answer(body | {"requestsTaken": 1}, status=status)) as stub:
            stub.queue(*[json_answer(body, status=status)] * 3)
            result = CliRunner().invoke(app, [*words, "--url", stub.url], env={"COLUMNS": "300"})
            assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
            harmless(result.output)
            assert "[red]" in result.output or words == ["dead-letters", "retry"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_fault_53_doctor_shows_no_secret_of_any_address(
    form: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with HttpStub(json_answer({"success": False, "message": POISON}, status=500)) as stub:
        settings = {
            "TELEGRAM_GATEWAY_URL": f"http://user:hunter22-gateway@127.0.0.1:{stub.port}",
            "TP_CAPITAL_DATABASE_URL": f"host=127.0.0.1 port={free_port()} user=u password=hunter22-database",
            "TP_CAPITAL_API_KEY": "hunter22-api-key",
            "PORT": str(free_port()),
        }
        result = CliRunner().invoke(app, ["doctor", *form], env=settings)
    harmless(result.output)
    if form:
        for text in values(json.loads(result.stdout)):
            harmless(text)
    for name in ("TP_CAPITAL_DATABASE_URL", "TP_CAPITAL_MIGRATION_DATABASE_URL"):
        wrong = CliRunner().invoke(
            app, ["doctor", *form], env={name: "postgresql://u:x@hunter22-database@h/d"}
        )
        assert wrong.exit_code == 2
        assert "%40" in wrong.output
        harmless(wrong.output)


@pytest.mark.parametrize("command", ["migrate", "backup", "replay", "run"])
def test_fault_53_no_command_shows_the_password_of_a_database_that_is_not_reached(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "postgresql://u:x@hunter22-database@h/d"
    result = CliRunner().invoke(app, [command], env={"TP_CAPITAL_DATABASE_URL": url})
    assert result.exit_code == 2
    harmless(result.output)
