"""Commands that ask a running daemon, or have it try again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.client import DaemonClient
from ops.local.process import wait_until
from ops.recent_logs import LEVELS
from tests.support.httpstub import Answer, HttpStub, Request, json_answer
from tests.support.outcomes import CHANNEL
from tests.support.stack import EngineProcess, engine_environment, eventually

ROOT = Path(__file__).parents[3]
KEY = "key-of-the-commands"


def gateway(request: Request) -> Answer:
    """Answer as a gateway with two messages of one channel that cannot be read: they have no number."""
    asked = request.method == "GET" and "unprocessed" in request.path and f"channel={CHANNEL}" in request.path
    texts = ("one", "[bold] two") if asked else ()
    messages = [
        {"id": f"g{text}", "channelId": CHANNEL, "text": text, "source": "telegram", "status": "received"}
        for text in texts
    ]
    return json_answer(
        {
            "success": True,
            "data": messages,
            "count": len(messages),
            "pagination": {"total": len(messages), "limit": 500, "offset": 0, "hasMore": False},
        }
    )


@pytest.fixture(scope="module")
def served(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with HttpStub() as stub:
        stub.answer_by(gateway)
        environment = engine_environment(module_database_url, stub.url, TP_CAPITAL_API_KEY=KEY)
        with EngineProcess(environment, tmp_path_factory.mktemp("engine")) as running:
            eventually(lambda: len(letters(running)) == 2)
            yield running


def letters(running: EngineProcess) -> list[object]:
    try:
        return list(requests.get(f"{running.url}/dead-letters", timeout=30).json().get("data", []))
    except requests.ConnectionError:
        return []


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TP_CAPITAL_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def run(served: EngineProcess, *words: str) -> Result:
    # its key is sent to this address, as it is that of the settings
    result = CliRunner().invoke(
        app, [*words, "--url", served.url], env={"PORT": served.url.rpartition(":")[2]}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_dead_letters_are_listed_for_a_person_and_for_a_program(served: EngineProcess) -> None:
    table = run(served, "dead-letters", "list")
    assert table.exit_code == 0
    assert "2 dead letters" in table.stdout
    found = json.loads(run(served, "dead-letters", "list", "--json").stdout)
    assert len(found) == 2
    assert all(letter["reason"] in table.stdout for letter in found)


def test_dead_letters_are_exported_with_their_whole_messages(served: EngineProcess) -> None:
    lines = run(served, "dead-letters", "export").stdout.splitlines()
    texts = [json.loads(json.loads(line)["raw"])["text"] for line in lines]
    assert sorted(texts) == ["[bold] two", "one"]


def test_dead_letters_are_tried_again_one_or_all(served: EngineProcess) -> None:
    (one, _) = json.loads(run(served, "dead-letters", "list", "--json").stdout)
    assert run(served, "dead-letters", "retry", str(one["id"])).stdout == "1 will be tried within seconds\n"
    assert run(served, "dead-letters", "retry").stdout == "2 will be tried within seconds\n"
    unknown = run(served, "dead-letters", "retry", "999999")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (1, 1)
    assert "There is no dead letter 999999" in unknown.stderr


def test_a_dead_letter_settled_meanwhile_stops_none_of_the_others(
    served: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = DaemonClient.pages

    def with_one_that_is_gone(daemon: DaemonClient, path: str) -> Iterator[dict[str, Any]]:
        yield {"id": 999999}
        yield from listed(daemon, path)

    monkeypatch.setattr(DaemonClient, "pages", with_one_that_is_gone)
    result = run(served, "dead-letters", "retry")
    assert (result.exit_code, result.stdout) == (0, "2 will be tried within seconds\n")


def test_backfill_is_started_and_its_end_is_told(served: EngineProcess) -> None:
    result = run(served, "backfill", "--again")
    assert (result.exit_code, "rows read" in result.stdout) == (0, True)
    body = json.loads(run(served, "backfill", "--json").stdout)
    assert body["completed"]


def test_backfill_reads_one_channel_from_a_time_on(served: EngineProcess) -> None:
    assert run(served, "backfill").exit_code == 0
    before = requests.get(f"{served.url}/backfill", timeout=30).json()["requestsTaken"]
    words = ("backfill", f"--channel={CHANNEL}", "--since", "2026-01-01", "--json")
    body = json.loads(run(served, *words).stdout)
    assert (body["phase"], body["requestsTaken"]) == ("completed", before + 1)


@pytest.fixture
def imported() -> Iterator[HttpStub]:
    """A daemon that is done with a request of its history as soon as it is asked, with one more row found."""
    progress = {"id": CHANNEL, "rowsRead": 3504, "newHere": 0, "completedAt": "2026-11-20T00:00:00Z"}
    check = {"checkRowsRead": None, "checkTotal": None}
    taken = 0

    def answer(request: Request) -> Answer:
        nonlocal taken
        if request.method == "POST":
            taken += 1
            return json_answer({"queued": True}, 202)
        body = {"phase": "completed", "completed": True, "error": None, "requestsTaken": taken}
        return json_answer(body | {"channels": [progress | check | {"foundByTailChecks": 5 + taken}]})

    with HttpStub() as stub:
        stub.answer_by(answer)
        yield stub


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # the daemon knows the time zone that the day is in
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T08:30:00", "2026-11-20T08:30:00+00:00"),
        ("2026-11-20T08:30:00Z", "2026-11-20T08:30:00+00:00"),
        ("2026-11-20T08:30:00-03:00", "2026-11-20T11:30:00+00:00"),
    ],
)
def test_a_time_is_utc_unless_it_has_a_zone(imported: HttpStub, written: str, meant: str) -> None:
    result = CliRunner().invoke(app, ["backfill", "--since", written, "--url", imported.url])
    assert result.exit_code == 0
    (asked,) = (json.loads(request.body) for request in imported.requests if request.method == "POST")
    assert asked["since"] == meant


@pytest.mark.parametrize("written", ["yesterday", "2026-11-31", "9999-12-31T23:00:00-02:00"])
@pytest.mark.parametrize("command", ["backfill", "replay"])
def test_a_time_that_is_none_is_wrong_usage(command: str, written: str) -> None:
    result = CliRunner().invoke(app, [command, "--since", written])
    assert (result.exit_code, written in result.stderr) == (2, True)


def test_what_a_check_from_a_time_on_found_is_told_not_what_an_earlier_import_read(
    imported: HttpStub, served: EngineProcess
) -> None:
    words = ["backfill", "--since", "2026-11-25", "--url"]
    assert CliRunner().invoke(app, [*words, imported.url]).stdout == (
        f"{CHANNEL}: checked since 2026-11-25: 1 found\n"
    )
    assert run(served, "backfill").exit_code == 0
    assert run(served, "backfill", "--since", "2026-11-25T08:30:00Z").stdout == (
        f"{CHANNEL}: checked since 2026-11-25 08:30:00 UTC: nothing missing\n"
    )


def test_a_channel_that_is_not_read_is_named(served: EngineProcess) -> None:
    wrong = run(served, "backfill", "--channel=-5")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert f"-5 is not read here; known are {CHANNEL}" in wrong.stderr


def test_fault_80_log_entries_come_newest_first_and_each_has_a_message(served: EngineProcess) -> None:
    entries = served.get("/logs?limit=1000").json()["data"]
    numbers = [entry["number"] for entry in entries]
    assert len(numbers) > 5
    assert numbers == sorted(numbers, reverse=True)
    assert [entry for entry in entries if not entry["message"].strip()] == []
    # who reads on from a number misses nothing
    assert [one["number"] for one in served.get("/logs?after=2&limit=2").json()["data"]] == [4, 3]


def test_logs_are_shown_and_followed(served: EngineProcess) -> None:
    shown = run(served, "logs", "--limit", "1000")
    assert "responder.started" in shown.stdout
    entries = [
        json.loads(line) for line in run(served, "logs", "--json", "--level", "warning").stdout.splitlines()
    ]
    assert {entry["level"] for entry in entries} <= {"warning", "error", "critical"}
    following = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "logs", "--follow", "--json", "--url", served.url],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["number"] >= 1
        assert run(served, "dead-letters", "retry").exit_code == 0
        # what comes of it is told while it is followed
        while "malformed" not in following.stdout.readline():
            pass
    finally:
        following.send_signal(signal.SIGTERM)
        following.communicate(timeout=10)
    assert following.returncode == 0


def test_logs_are_shown_of_one_actor_and_since_a_time(served: EngineProcess) -> None:
    def actors(*options: str) -> set[str]:
        lines = run(served, "logs", "--json", "--limit", "1000", *options).stdout.splitlines()
        return {json.loads(line)["actor"] for line in lines}

    assert actors("--actor", "poller") == actors("--actor", f"poller:{CHANNEL}") == {f"poller:{CHANNEL}"}
    assert len(run(served, "logs", "--actor", "supervisor", "--limit", "2").stdout.splitlines()) == 2
    assert "responder.started" in run(served, "logs", "--since", "1h", "--limit", "1000").stdout
    none = run(served, "logs", "--since", "2099-01-01")
    assert (none.stdout, none.stderr) == ("", "tp-capital: no entry matches\n")
    wrong = run(served, "logs", "--since", "soon")
    assert (wrong.exit_code, "10m" in wrong.stderr) == (2, True)


def test_following_the_log_survives_a_restart_of_the_daemon() -> None:
    def page(number: int, started_at: str, event: str) -> Answer:
        entry = {"number": number, "timestamp": started_at, "level": "info", "event": event}
        body = {"data": [entry], "last": number, "missed": False, "startedAt": started_at}
        return json_answer(body)

    first, second = "2026-11-20T12:00:00Z", "2026-11-20T12:05:00Z"
    with HttpStub(page(2, second, "later")) as stub:
        # the daemon goes away, and comes back with numbers from 1 on
        stub.queue(page(7, first, "before"), Answer(hang_up=True), Answer(status=503, body=b"{}"))
        stub.queue(page(1, second, "unread"), page(1, second, "after"))
        following = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "logs", "--follow", "--json", "--url", stub.url],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert following.stdout is not None
        try:
            events = [json.loads(following.stdout.readline())["event"] for _ in range(3)]
        finally:
            following.send_signal(signal.SIGTERM)
            _, told = following.communicate(timeout=60)
    assert events == ["before", "after", "later"]
    assert "started anew" in told
    asked = [request.path for request in stub.requests]
    assert "after=7" in asked[3]
    assert "after=0" in asked[4]


def test_channels_are_added_labelled_listed_and_removed(served: EngineProcess) -> None:
    added = run(served, "channels", "add", "-1002", "--label", "Sinais [x]")
    assert (added.exit_code, "is read as Sinais [x]" in added.stdout) == (0, True)
    listed = json.loads(run(served, "channels", "list", "--json").stdout)["data"]
    assert {one["id"]: one["label"] for one in listed} == {CHANNEL: None, "-1002": "Sinais [x]"}
    assert run(served, "channels", "label", "-1002", "Ouro").exit_code == 0
    shown = run(served, "channels", "list").stdout
    assert "Ouro" in shown
    assert "[x]" not in shown
    eventually(lambda: "Ouro" in run(served, "status").stdout)
    assert run(served, "channels", "label", "-1002", "").exit_code == 0
    removed = run(served, "channels", "remove", "-1002")
    assert (removed.exit_code, "no longer read" in removed.stdout) == (0, True)
    unknown = run(served, "channels", "label", "-1002", "Ouro")
    assert (unknown.exit_code, "not read here" in unknown.stderr) == (1, True)
    assert run(served, "channels", "remove", "-1002", "--lable").exit_code == 2
    of_settings = run(served, "channels", "remove", CHANNEL)
    assert (of_settings.exit_code, "TP_CAPITAL_SIGNALS_CHANNEL_ID" in of_settings.stderr) == (1, True)


def test_a_wrong_parameter_is_one_line(served: EngineProcess) -> None:
    wrong = run(served, "backfill", "--channel=loud")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert "channels" in wrong.stderr


@pytest.mark.parametrize("level", [*LEVELS, "ERROR", "warn"])
def test_logs_are_shown_from_any_level_on_that_there_is(served: EngineProcess, level: str) -> None:
    assert run(served, "logs", "--level", level).exit_code == 0


def test_a_level_that_there_is_not_is_wrong_usage_and_the_others_are_named(served: EngineProcess) -> None:
    wrong = run(served, "logs", "--level", "loud")
    assert wrong.exit_code == 2
    assert all(level in wrong.stderr for level in ("--level", *LEVELS))


def test_without_a_daemon_it_says_so() -> None:
    result = CliRunner().invoke(app, ["dead-letters", "list", "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "no daemon answers at http://127.0.0.1:1: connection refused; start one" in result.stderr


def test_status_shows_how_each_channel_is_read(served: EngineProcess) -> None:
    assert run(served, "backfill").exit_code == 0
    wanted = (CHANNEL, "complete", "messages", "closed", "ago", "2 dead letters", "version ")

    shown = ""

    def is_shown() -> bool:
        nonlocal shown
        shown = " ".join(run(served, "status").stdout.split())
        return all(words in shown for words in wanted)

    # health is judged once a second, and the letters are counted by looks of their own
    assert wait_until(is_shown, deadline_s=45), shown


def catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process has a handler for a signal, which is none of the interpreter's own for SIGTERM."""
    status = dict(
        line.partition(":")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line
    )
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)


def test_status_looks_again_until_it_is_left(served: EngineProcess) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "status", "--watch", "--url", served.url],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"},
        stdout=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: catches(watching.pid, signal.SIGTERM), what="it does not watch")
    with pytest.raises(subprocess.TimeoutExpired):
        watching.wait(2.5)
    watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate(timeout=10)
    assert "tp-capital at " in out
