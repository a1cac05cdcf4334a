"""``tp-capital doctor`` as a person or a script runs it, and all families together."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, CheckStatus, ok
from ops.doctor.runner import examine
from ops.local.ports import free_port
from tests.integration.doctor.conftest import Around
from tests.support.httpstub import HttpStub, json_answer
from tests.support.stack import eventually

ROOT = Path(__file__).parents[3]
Doctor = Callable[..., Result]
_MESSAGES = {"success": True, "data": [], "pagination": {"total": 0}}


@pytest.fixture
def gateway() -> Iterator[HttpStub]:
    with HttpStub(json_answer(_MESSAGES)) as stub:
        yield stub


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Run the command with just the variables given, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **variables: str) -> Result:
        with mock.patch.dict(os.environ, {"PORT": str(free_port()), **variables}, clear=True):
            result = CliRunner().invoke(app, ["doctor", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def test_a_deployment_with_warnings_only_exits_0(doctor: Doctor, engine_url: str, gateway: HttpStub) -> None:
    result = doctor("--json", TP_CAPITAL_DATABASE_URL=engine_url, TELEGRAM_GATEWAY_URL=gateway.url)
    body = json.loads(result.stdout)
    assert (result.exit_code, body["status"]) == (0, "warn")
    warnings = {check["name"] for check in body["checks"] if check["status"] == "warn"}
    assert warnings == {"database.extension", "gateway.open", "gateway.channels"}
    assert all(list(check) == ["name", "status", "found", "remedy"] for check in body["checks"])
    assert all(bool(check["remedy"]) == (check["status"] in ("warn", "fail")) for check in body["checks"])


def test_every_check_is_in_the_documentation(doctor: Doctor) -> None:
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    names = {check["name"] for check in json.loads(doctor("--json").stdout)["checks"]}
    assert {name for name in names if f"`{name}`" not in page} == set()
    assert set(re.findall(r"^\| `(\w+\.\w+)`", page, re.MULTILINE)) == names


def test_a_failure_exits_1_and_shows_the_remedy_but_no_secret(
    doctor: Doctor, engine_url: str, gateway: HttpStub
) -> None:
    settings = {
        "TP_CAPITAL_DATABASE_URL": make_conninfo(engine_url, password="pass-of-nobody"),
        "TELEGRAM_GATEWAY_URL": gateway.url,
        "TELEGRAM_GATEWAY_API_KEY": "key-of-nobody",
        "TP_CAPITAL_API_KEY": "key-of-the-api",
    }
    for arguments in ((), ("--json",)):
        result = doctor(*arguments, **settings, COLUMNS="200")
        assert result.exit_code == 1
        assert "database.connection" in result.stdout
        assert "28P01" in result.stdout
        # where it was set, and not where it could have been (fault 72)
        assert "TP_CAPITAL_DATABASE_URL" in result.stdout
        assert "TP_CAPITAL_DB_PASSWORD" not in result.stdout
        for secret in ("pass-of-nobody", "key-of-nobody", "key-of-the-api"):
            assert secret not in result.output


def test_colours_are_for_terminals_without_no_color(doctor: Doctor) -> None:
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    # FORCE_COLOR: this is no terminal, and is to be taken for one
    assert coloured.search(doctor(FORCE_COLOR="1").stdout)
    assert not coloured.search(doctor(FORCE_COLOR="1", NO_COLOR="1").stdout)
    assert "\x1b" not in doctor().stdout


def test_an_unusable_configuration_exits_2_with_every_problem(doctor: Doctor) -> None:
    settings = {"PORT": "x", "GATEWAY_BATCH_SIZE": "0", "HOST": "0.0.0.0"}
    result = doctor(**settings)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    for words in ("PORT", "GATEWAY_BATCH_SIZE", "HOST=0.0.0.0"):
        assert words in result.stderr
    result = doctor("--json", **settings)
    body = json.loads(result.stdout)
    assert (result.exit_code, body["status"]) == (2, "fail")
    assert [check["name"] for check in body["checks"]] == ["configuration.settings"] * 3


def test_open_to_the_world_without_a_key_is_a_warning(doctor: Doctor) -> None:
    result = doctor("--json", HOST="0.0.0.0", TP_CAPITAL_ALLOW_OPEN="1")
    check = next(
        check for check in json.loads(result.stdout)["checks"] if check["name"] == "configuration.api_key"
    )
    assert check["status"] == "warn"
    assert "TP_CAPITAL_API_KEY" in check["remedy"]


@pytest.mark.parametrize(
    ("keys", "status", "said"),
    [
        ("script:write:0123456789abcdef", "ok", "script (write)"),
        ("page:read:0123456789abcdef,script:write:short", "warn", "script: fewer than 16 characters"),
    ],
)
def test_fault_59_named_keys_are_known_and_short_ones_told(
    doctor: Doctor, keys: str, status: str, said: str
) -> None:
    checks = json.loads(doctor("--json", TP_CAPITAL_API_KEYS=keys).stdout)["checks"]
    check = next(check for check in checks if check["name"] == "configuration.api_key")
    assert check["status"] == status
    assert said in check["found"]


def test_an_env_file_open_to_others_is_a_warning(doctor: Doctor, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("LOG_LEVEL=INFO\n")
    seen = {}
    for mode in (0o644, 0o640):
        env_file.chmod(mode)
        checks = json.loads(doctor("--json").stdout)["checks"]
        seen[mode] = next(check["status"] for check in checks if check["name"] == "configuration.env_file")
    assert seen == {0o644: "warn", 0o640: "ok"}


def test_it_runs_as_a_command_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "doctor", "--json"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TP_CAPITAL_DB_PORT": "1",
            "PORT": str(free_port()),
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["status"] == "fail"


# ── all families together ────────────────────────────────────────────────────


def names(findings: tuple[CheckResult, ...]) -> dict[str, CheckStatus]:
    return {finding.name: finding.status for finding in findings}


def test_when_all_servers_are_silent_each_is_named_in_time(around: Around) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        surroundings = around(
            TP_CAPITAL_DB_PORT=port,
            TELEGRAM_GATEWAY_URL=f"http://127.0.0.1:{port}",
            REDIS_ENABLED=1,
            REDIS_MASTER_PORT=port,
            PORT=free_port(),
            connect_s=2,
            answer_s=0.2,
        )
        start_s = time.monotonic()
        found = names(examine(surroundings))
        took_s = time.monotonic() - start_s
    for name in ("database.connection", "redis.master", "gateway.connection"):
        assert found[name] is CheckStatus.FAIL
    assert found["machine.port"] is CheckStatus.OK
    # the database's two seconds, and what a loaded machine adds
    assert took_s < 8


def test_a_family_that_hangs_is_named_and_keeps_what_it_found(around: Around) -> None:
    release = threading.Event()
    ended = threading.Event()

    def hanging(_: CheckContext) -> Iterator[CheckResult]:
        yield ok("hung.first", "found before")
        release.wait(30)
        ended.set()

    def quick(_: CheckContext) -> Iterator[CheckResult]:
        yield ok("quick.first", "found")

    findings = examine(around(), families={"hung": hanging, "quick": quick}, deadline_s=0.2)
    release.set()
    eventually(ended.is_set)
    found = names(findings)
    assert found["hung.first"] is CheckStatus.OK
    assert found["hung.deadline"] is CheckStatus.FAIL
    assert found["quick.first"] is CheckStatus.OK
    assert "quick.deadline" not in found


def test_a_bug_in_one_family_does_not_hide_the_others(around: Around) -> None:
    def broken(_: CheckContext) -> Iterator[CheckResult]:
        yield ok("broken.first", "found before")
        raise RuntimeError("the password is s3cret-word")

    def quick(_: CheckContext) -> Iterator[CheckResult]:
        yield ok("quick.first", "found")

    findings = examine(
        around(TP_CAPITAL_DB_PASSWORD="s3cret-word"), families={"broken": broken, "quick": quick}
    )
    assert names(findings)["broken.checks"] is CheckStatus.FAIL
    assert names(findings)["quick.first"] is CheckStatus.OK
    assert "s3cret-word" not in str(findings)
    assert "the password is ***" in str(findings)
