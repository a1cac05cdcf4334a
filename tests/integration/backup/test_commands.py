"""``backup`` and ``restore`` as a person or a service manager runs them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.backup.programs import choose
from ops.backup.scratch import _PREFIX
from ops.cli import app
from ops.local.process import wait_until
from tests.support.backups import Filled, WithFault


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
    line = r"kept/\S+\.dump: \d+ bytes, \d+ rows in \d+ tables, restored to check it"
    assert re.fullmatch(line, made.stdout.strip())
    (dump,) = (tmp_path / "kept").glob("*.dump")

    refused = run("restore", str(dump), **settings)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("tp-capital: cannot restore: the schema signals of ")
    assert refused.stderr.count("\n") == 1

    done = run("restore", str(dump), TP_CAPITAL_RESTORE_DATABASE_URL=other.url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"^ +30 tp_capital_signals$", done.stdout, re.MULTILINE)
    assert "as many rows as were backed up" in done.stdout

    missing = run("restore", "nowhere.dump", TP_CAPITAL_RESTORE_DATABASE_URL=other.url)
    assert missing.exit_code == 1
    assert missing.stderr.startswith("tp-capital: cannot restore: ")
    assert missing.stderr.count("\n") == 1


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
