"""``backup`` and ``restore`` as a person or a service manager runs them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner, Result

from ops.backup.programs import choose
from ops.backup.scratch import _PREFIX
from ops.backup.server import connected
from ops.cli import app
from ops.local.process import wait_until
from tests.support.backups import BackUp, Filled, WithFault


def test_the_commands_make_and_restore_a_backup(
    filled: Filled, other: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environment: str) -> Result:
        clean = {name: None for name in os.environ if name.startswith("TP_CAPITAL_")}
        return CliRunner().invoke(app, list(arguments), env={**clean, **environment})

    settings = {"TP_CAPITAL_MIGRATION_DATABASE_URL": filled.url}
    made = run("backup", "--to", "kept", "--keep", "1", **settings)
    assert (made.exit_code, made.stderr) == (0, "")
    line = r"kept/\S+\.dump: \d+ bytes, \d+ rows in \d+ tables, checked by restoring it"
    assert re.fullmatch(line, made.stdout.strip())
    (dump,) = (tmp_path / "kept").glob("*.dump")

    refused = run("restore", str(dump), **settings)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("tp-capital: cannot restore: the schema signals of ")
    assert refused.stderr.count("\n") == 1

    done = run("restore", str(dump), TP_CAPITAL_RESTORE_DATABASE_URL=other.url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"^ +30 tp_capital_signals$", done.stdout, re.MULTILINE)
    assert "the same number of rows as the backup" in done.stdout

    missing = run("restore", "nowhere.dump", TP_CAPITAL_RESTORE_DATABASE_URL=other.url)
    assert missing.exit_code == 1
    assert missing.stderr.startswith("tp-capital: cannot restore: ")
    assert missing.stderr.count("\n") == 1


def test_with_neon_neither_command_goes_without_tls_to_another_machine(
    filled: Filled, other: Filled, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server here has no TLS: it would be spoken to in the clear."""
    monkeypatch.chdir(tmp_path)

    def elsewhere(url: str) -> str:
        # by its name another machine
        return make_conninfo(url, host="db.example", hostaddr="127.0.0.1")

    def refusal(*arguments: str, **environment: str) -> str:
        clean = {name: None for name in os.environ if name.startswith("TP_CAPITAL_")}
        settings = {"TP_CAPITAL_DB_STRATEGY": "neon", "TP_CAPITAL_MIGRATION_DATABASE_URL": filled.url}
        done = CliRunner().invoke(app, list(arguments), env={**clean, **settings, **environment})
        assert done.exit_code == 1
        return done.stderr

    no_tls = "server does not support SSL, but SSL was required"
    assert no_tls in refusal("restore", str(dump), TP_CAPITAL_RESTORE_DATABASE_URL=elsewhere(other.url))
    assert no_tls in refusal("restore", str(dump), "--into", elsewhere(other.url))
    assert "the address is malformed" in refusal("restore", str(dump), "--into", "no address")
    assert no_tls in refusal("backup", TP_CAPITAL_SCRATCH_DATABASE_URL=elsewhere(filled.url))
    assert other.ask("select from pg_namespace where nspname = 'signals'") == []


def test_the_programs_connect_as_we_do_where_a_service_names_the_server(
    filled: Filled, make: BackUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service beats variables, and it may ask for less than our own connection does."""
    parts = conninfo_to_dict(filled.url)
    services = tmp_path / "services.conf"
    lines = [f"{name}={parts[name]}" for name in ("host", "port", "user", "password", "dbname")]
    services.write_text("\n".join(["[filled]", *lines, "sslmode=disable", ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGSERVICE", "filled")
    with connected("sslmode=allow") as server:
        environment = server.environment()
    assert environment["PGSSLMODE"] == "allow"
    assert {"PGSERVICE", "PGSERVICEFILE"} & environment.keys() == set()
    assert make(owner="service=filled sslmode=allow").unproven is None


ENDED = """
from pathlib import Path
from ops.backup.programs import Programs
from ops.cli import app
from ops.commands import backup
backup.installed = lambda: [Programs(folder=Path({folder!r}), major={major}, tls=False)]
app(["backup", "--to", "kept"])
"""


def test_a_backup_that_is_ended_leaves_neither_draft_nor_scratch_database(
    filled: Filled, tmp_path: Path, with_fault: WithFault
) -> None:
    """By SIGTERM, as a service manager ends one that takes too long; here while it is being checked."""
    slow = choose(
        with_fault(pg_restore='case "$*" in *--dbname*) exec sleep 60;; esac; exec {real} "$@"'),
        server_major=int(filled.ask("show server_version_num")[0][0]) // 10000,
        tls=False,
    )

    def scratch() -> list[tuple[str]]:
        return filled.ask("select datname from pg_database where starts_with(datname, %s)", _PREFIX)

    with subprocess.Popen(
        [sys.executable, "-c", ENDED.format(folder=str(slow.folder), major=slow.major)],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "TP_CAPITAL_MIGRATION_DATABASE_URL": filled.url,
        },
    ) as process:
        assert wait_until(lambda: bool(scratch()), deadline_s=20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert scratch() == []
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [".lock"]
