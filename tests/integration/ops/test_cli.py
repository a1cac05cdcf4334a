"""The command line as a person runs it: exit codes, plain words, never a traceback."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.local.keys import SETTINGS_FILE, write_settings
from ops.version import VERSION
from tests.support.forked import run_forked
from tests.support.httpstub import Answer, HttpStub, json_answer
from tests.support.stack import surroundings

ROOT = Path(__file__).parents[3]
Result = subprocess.CompletedProcess[str]
RunCli = Callable[..., Result]


@pytest.fixture
def run_cli(tmp_path: Path) -> RunCli:
    """Run the command line in an empty folder with just the variables given."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Result:
        given = {**surroundings(), "NO_COLOR": "1", "COLUMNS": "200", **environment}
        done = run_forked(*arguments, environment=given, folder=tmp_path, given=stdin.encode())
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done

    return run


def complaints(result: Result) -> list[str]:
    return [line.removeprefix("tp-capital: ") for line in result.stderr.splitlines()]


# ── help and usage ───────────────────────────────────────────────────────────


def test_a_command_imports_no_library_that_it_does_not_need() -> None:
    """Imports are most of a start, and a library stays in memory."""
    needed = "ops.cli, ops.commands.run, ops.commands.demo"
    code = f"import sys, {needed}; print(*sorted({{'redis', 'ijson', 'rich', 'numpy'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.split() == []


def test_help_lists_every_command(run_cli: RunCli) -> None:
    result = run_cli("--help")
    assert result.returncode == 0
    for command in ("run", "demo", "parse", "migrate", "status", "gateway"):
        assert f" {command} " in result.stdout


def test_the_version_is_the_projects() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, VERSION)


@pytest.mark.parametrize("wrong", [["fly"], ["status", "--fast"], ["demo", "--port", "0"], ["run", "now"]])
def test_wrong_usage_exits_2_and_is_named(wrong: list[str]) -> None:
    result = CliRunner().invoke(app, wrong)
    assert result.exit_code == 2
    assert wrong[-1] in result.stderr or wrong[-2] in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["parse", "--market", "stocks"], "'--market': 'stocks' is not one of 'b3', 'forex', 'crypto'."),
        (["demo", "--port", "99999"], "'--port': must be at most 65533"),
        (["demo", "--for", "soon"], "'--for': must be a number"),
        (["dead-letters", "retry", "x"], "'letter': must be a whole number"),
        (["gateway", "--port", "9" * 5000], "'--port': must be a smaller number"),
    ],
)
def test_a_wrong_value_of_an_option_is_one_line_that_says_what_is_wanted(words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stderr) == (2, f"tp-capital: Invalid value for {told}\n")


# ── settings ─────────────────────────────────────────────────────────────────


def test_wrong_settings_exit_2_with_every_problem_and_no_secret(run_cli: RunCli) -> None:
    result = run_cli(
        "run",
        PORT="x",
        TELEGRAM_GATEWAY_URL="nowhere",
        TP_CAPITAL_DATABASE_URL="postgresql://u:s3cret@[h/db",
        GATEWAY_BATCH_SIZE="0",
        HOST="0.0.0.0",
    )
    assert result.returncode == 2
    assert not result.stdout
    named = {line.partition(":")[0] for line in complaints(result)}
    assert named >= {"PORT", "TELEGRAM_GATEWAY_URL", "TP_CAPITAL_DATABASE_URL", "GATEWAY_BATCH_SIZE"}
    assert any("TP_CAPITAL_ALLOW_OPEN" in line for line in complaints(result))
    assert len(complaints(result)) == 5
    assert "s3cret" not in result.stderr


def test_an_unknown_name_is_told_beside_a_wrong_setting(run_cli: RunCli) -> None:
    result = run_cli("run", PORT="x", TP_CAPITAL_POOL_MAXX="9")
    assert result.returncode == 2
    assert complaints(result) == [
        "TP_CAPITAL_POOL_MAXX in the environment: there is no such setting; the nearest is TP_CAPITAL_POOL_MAX",
        "PORT: must be a whole number",
    ]


def test_an_unreadable_dot_env_is_wrong_configuration(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    result = run_cli("migrate")
    assert result.returncode == 2
    assert complaints(result) == [".env: cannot be read: not UTF-8"]


def test_a_taken_port_is_one_line(run_cli: RunCli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_cli("run", PORT=str(port))
    assert result.returncode == 1
    (line,) = complaints(result)
    assert str(port) in line
    assert line.endswith("Address already in use; choose another port")
    assert not result.stdout


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_a_host_that_is_not_this_machine_is_mended_by_another_host(run_cli: RunCli, host: str) -> None:
    result = run_cli("run", HOST=host, TP_CAPITAL_ALLOW_OPEN="1")
    assert result.returncode == 1
    (line,) = complaints(result)
    assert "set HOST to an address of this machine" in line
    assert "choose another port" not in line
    assert "Unknown error" not in line


# ── migrate ──────────────────────────────────────────────────────────────────


def test_migrate_twice_applies_once(run_cli: RunCli, database_url: str) -> None:
    settings = {"TP_CAPITAL_DB_STRATEGY": "neon", "TP_CAPITAL_DATABASE_URL": database_url}
    first = run_cli("migrate", **settings)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("applied: ledger, signals")
    again = run_cli("migrate", **settings)
    assert (again.returncode, again.stdout.strip()) == (0, "the schema is up to date")


def test_migrate_without_a_server_is_failed_work_in_one_line(run_cli: RunCli) -> None:
    result = run_cli("migrate", TP_CAPITAL_DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/db")
    assert result.returncode == 1
    (line,) = complaints(result)
    assert line.startswith("cannot migrate: ")
    assert "refused" in line
    assert "s3cret" not in line


# ── replay and migrate-data ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("command", "failed"), [("replay", "cannot replay: "), ("migrate-data", "cannot write: ")]
)
def test_without_a_database_a_command_says_so_itself_in_one_line(
    run_cli: RunCli, command: str, failed: str
) -> None:
    nowhere = "postgresql://u:s3cret@127.0.0.1:1/db"
    result = run_cli(command, TP_CAPITAL_DATABASE_URL=nowhere, TP_CAPITAL_LEGACY_DATABASE_URL=nowhere)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = complaints(result)
    assert line.startswith(failed)
    assert "s3cret" not in line


def test_replay_reads_the_database_of_the_system_of_its_folder_unless_one_is_set(
    run_cli: RunCli, tmp_path: Path, migrated_url: str
) -> None:
    kept = tmp_path / ".tp-capital" / "demo" / SETTINGS_FILE
    kept.parent.mkdir(parents=True)
    write_settings(kept, {"TP_CAPITAL_DB_STRATEGY": "neon", "TP_CAPITAL_DATABASE_URL": migrated_url})
    found = run_cli("replay")
    assert (found.returncode, complaints(found)) == (0, ["using the demo of this folder"])
    nowhere = "postgresql://u:s3cret@127.0.0.1:1/db"
    given = run_cli("replay", TP_CAPITAL_DATABASE_URL=nowhere)
    assert (given.returncode, len(complaints(given))) == (1, 1)
    chosen = run_cli("replay", "--in", "demo", TP_CAPITAL_DATABASE_URL=nowhere)
    assert chosen.returncode == 0
    missing = run_cli("replay", "--in", "stack")
    assert (missing.returncode, "no stack runs here" in missing.stderr) == (2, True)


def test_commands_find_the_daemon_of_the_system_of_their_folder_unless_a_port_is_set(
    run_cli: RunCli, tmp_path: Path
) -> None:
    with HttpStub(json_answer({"status": "degraded", "checks": {}, "details": {}})) as daemon:
        for name in ("demo", "stack"):
            kept = tmp_path / ".tp-capital" / name / SETTINGS_FILE
            kept.parent.mkdir(parents=True)
            write_settings(kept, {"PORT": str(daemon.port)})
            if name == "demo":
                found = run_cli("status")
                assert (found.returncode, complaints(found)) == (1, ["using the demo of this folder"])
                assert f"127.0.0.1:{daemon.port}" in found.stdout
    two = run_cli("status")
    assert (two.returncode, f"--url http://127.0.0.1:{daemon.port}" in two.stderr) == (2, True)
    assert complaints(run_cli("status", PORT="1")) == []


# ── status ───────────────────────────────────────────────────────────────────


def test_status_of_what_cannot_be_reached_exits_2_and_says_so(run_cli: RunCli) -> None:
    result = run_cli("status", "--url", "http://127.0.0.1:1")
    assert result.returncode == 2
    assert "tp-capital at http://127.0.0.1:1: unhealthy" in result.stdout
    assert "not reachable at http://127.0.0.1:1: connection refused" in " ".join(result.stdout.split())


def test_status_names_the_address_it_asked_without_its_password(run_cli: RunCli) -> None:
    body = {"status": "healthy", "checks": {}, "details": {}}
    with HttpStub(json_answer(body)) as daemon:
        place = f"127.0.0.1:{daemon.port}"
        result = run_cli("status", "--url", f"http://u:hunter22@{place}")
    assert place in result.stdout
    assert "hunter22" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "url", ["", "not a url", "http://[::1", "ftp://127.0.0.1", "http://127.0.0.1:999999", "http://a b/"]
)
def test_status_of_a_malformed_url_exits_2_and_says_so(url: str) -> None:
    # in this process, as the way to it is the same for all
    result = CliRunner().invoke(app, ["status", "--json", "--url", url])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    error = json.loads(result.stdout)["details"]["daemon"]["error"]
    assert error == "not reachable: the address must be a URL such as http://host:port"


def test_status_finds_the_daemon_by_host_and_port(run_cli: RunCli) -> None:
    with HttpStub(json_answer({"status": "degraded", "checks": {}, "details": {}})) as daemon:
        result = run_cli("status", "--json", PORT=str(daemon.port))
        assert daemon.requests[0].path == "/health"
    assert result.returncode == 1
    assert json.loads(result.stdout)["status"] == "degraded"


def test_status_shows_each_check_with_its_cause(run_cli: RunCli) -> None:
    body = {
        "status": "unhealthy",
        "checks": {"timescaledb": "unhealthy", "gatewayApi": "healthy"},
        "details": {"timescaledb": {"since": "2026-11-02T12:00:00.123456Z", "error": "connection refused"}},
    }
    with HttpStub(json_answer(body, 503)) as daemon:
        result = run_cli("status", "--url", daemon.url)
    assert result.returncode == 2
    for words in ("timescaledb", "gatewayApi", "connection refused", "2026-11-02T12:00:00Z"):
        assert words in result.stdout


def test_status_cuts_neither_instants_nor_channels_on_a_terminal_of_80_columns(run_cli: RunCli) -> None:
    channel = "-1001649127710"
    poll = {"channel": channel, "lastPoll": "unreachable", "lastSuccessfulPollAt": "2026-11-02T12:00:00Z"}
    worker = {"since": "2026-11-27T05:40:56.012345-03:00", "error": "the gateway is not reachable " * 5}
    body = {
        "status": "degraded",
        "timestamp": "2026-11-27T08:50:00Z",
        "checks": {"pollingWorker": "unhealthy", "historicalSync": "healthy"},
        "details": {
            "pollingWorker": worker | {"channels": [poll]},
            "gatewayApi": {"channels": [{"channel": channel, "breaker": {"state": "half-open"}}]},
        },
    }
    with HttpStub(json_answer(body)) as daemon:
        result = run_cli("status", "--url", daemon.url, COLUMNS="80")
    assert "2026-11-27T08:40:56Z" in result.stdout
    assert channel in result.stdout
    assert "…" not in result.stdout


@pytest.mark.parametrize("body", [b'{"hello":"world"}', b"<html>", b"\xff"])
def test_status_of_something_else_on_the_port_exits_2(run_cli: RunCli, body: bytes) -> None:
    with HttpStub(Answer(body=body)) as stranger:
        result = run_cli("status", "--url", stranger.url)
    assert result.returncode == 2
    assert f"the server at {stranger.url} is no tp-capital" in result.stdout


# ── parse ────────────────────────────────────────────────────────────────────


def test_parse_reads_good_lines_and_tells_of_bad_ones(run_cli: RunCli) -> None:
    lines = [
        '{"id":"1","text":"Ativo: PETR4\\nCompra: 30,10\\nAlvo: 31,00\\nStop: 29,00"}',
        "not json",
        "",
        "[1]",
        '{"id":"2","text":5}',
        '{"id":"3","text":null}',
        '{"id":"4","text":"a\\u0000b \\ud83d"}',
        "[" * 100_000,
        '{"id":"5","text":"bom dia"}',
        f'{{"id":{"9" * 5000}}}',
    ]
    result = run_cli("parse", "-", "--jsonl", stdin="\n".join(lines))
    assert result.returncode == 1
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["1", "3", "4", "5"]
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        *("line 2", "line 4", "line 5", "line 8", "line 10")
    ]
    assert "line 10: not JSON: a number has too many digits" in result.stderr
    first = json.loads(result.stdout.splitlines()[0])
    assert (first["kind"], first["asset"], first["buy_min"], first["stop"]) == (
        "signal",
        "PETR4",
        "30.10",
        "29.00",
    )
    assert list(first) == [
        *("id", "kind", "side", "asset", "signal_type", "buy_min", "buy_max"),
        *("targets", "target_final", "stop", "valid_until", "warnings", "reason"),
    ]


def test_parse_of_good_lines_exits_0(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"id":"1","text":"bom dia"}\n')
    result = run_cli("parse", "lines", "--jsonl")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(("name", "content"), [("missing", None), ("latin", b'{"id":"1","text":"\xe7"}\n')])
def test_parse_of_a_file_that_cannot_be_read_is_wrong_usage(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(app, ["parse", str(tmp_path / name), "--jsonl"])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"tp-capital: {tmp_path / name}: ")
