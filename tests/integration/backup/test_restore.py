"""Backups restored for real: every row, right and number of it, or nothing changed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.timers import TimerThread
from ops.backup.dumping import back_up
from ops.backup.errors import BackupError
from ops.backup.programs import Programs, choose
from ops.backup.restoring import Restored, restore
from ops.backup.scratch import _PREFIX
from ops.cli import app
from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from storage.database import Database
from storage.retention import Retention
from storage.schema import Strategy, is_current, migrate
from tests.conftest import TIMESCALE_URL
from tests.support.backups import NOW, SCHEMA, BackUp, Filled, WithFault
from tests.support.databases import Server, as_engine
from tests.support.servers import need_program

PutBack = Callable[..., Restored]


@pytest.fixture(scope="module")
def kept(filled: Filled, programs: list[Programs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one backup for all tests of this module."""
    folder = tmp_path_factory.mktemp("kept")
    made = back_up(filled.url, schema=SCHEMA, folder=folder, keep=1, scratch=None, now=NOW, programs=programs)
    return made.path


@pytest.fixture
def dump(kept: Path, tmp_path: Path) -> Path:
    """Give the test a copy of it, with its note."""
    for path in (kept, kept.with_name(f"{kept.name}.json")):
        shutil.copy(path, tmp_path)
    return tmp_path / kept.name


@pytest.fixture
def put_back(programs: list[Programs]) -> PutBack:
    def restore_one(dump: Path, into: Filled, *, force: bool = False, schema: str = SCHEMA) -> Restored:
        return restore(dump, into.url, schema=schema, force=force, now=NOW, programs=programs)

    return restore_one


def damage(dump: Path) -> None:
    """Overwrite a piece in the middle of the rows."""
    with dump.open("r+b") as file:
        file.seek(dump.stat().st_size * 2 // 3)
        file.write(b"\0" * 64)


def without_note(dump: Path) -> None:
    dump.with_name(f"{dump.name}.json").unlink()


def schemas(filled: Filled) -> list[str]:
    rows = filled.ask("select nspname from pg_namespace where nspname ~ '^signals' order by 1")
    return [name for (name,) in rows]


def test_every_row_is_there_and_the_engine_goes_on(
    filled: Filled, dump: Path, put_back: PutBack, other: Filled
) -> None:
    done = put_back(dump, other)
    assert done.compared
    assert done.aside is None
    assert done.tables["tp_capital_signals"] == 30
    assert other.content() == filled.content()

    timers = TimerThread()
    database = Database(as_engine(other.url), schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    try:
        assert is_current(database, strategy=Strategy.NEON)
        # with the engine's own rights: grants, partitions and the function of the retention are back
        assert Retention(database).keep().problem is None
        other.store(31)
        newest = other.ask("select max(id), count(*) from signals.tp_capital_signals")
    finally:
        database.close()
        timers.close()
    assert newest == [(31, 31)], "numbers go on where they were"


def test_a_backup_is_restored_by_the_owner_as_well(
    filled: Filled, dump: Path, put_back: PutBack, other: Filled, postgres: LocalPostgres
) -> None:
    postgres.create_role("keeper", "pw")
    name = str(other.ask("select current_database()")[0][0])
    try:
        other.ask(f"alter database {name} owner to keeper")
        put_back(dump, Filled(postgres.dsn(name, "keeper", "pw")))
        owners = other.ask("select distinct tableowner from pg_tables where schemaname = 'signals'")
        assert owners == [("keeper",)]
        assert other.content() == filled.content()
    finally:
        other.ask(f"alter database {name} owner to postgres")
        other.ask("drop owned by keeper cascade")
        other.ask("drop role keeper")


def test_a_damaged_file_is_refused_by_its_checksum(dump: Path, put_back: PutBack, other: Filled) -> None:
    damage(dump)
    with pytest.raises(BackupError, match="is damaged: it is not the file that was written"):
        put_back(dump, other)
    assert schemas(other) == []


@pytest.mark.parametrize("how", ["overwritten", "cut off", "no dump at all"])
def test_a_damaged_file_without_its_note_leaves_nothing_behind(
    dump: Path, put_back: PutBack, other: Filled, how: str
) -> None:
    without_note(dump)
    if how == "overwritten":
        damage(dump)
    elif how == "cut off":
        os.truncate(dump, dump.stat().st_size // 2)
    else:
        dump.write_text("not a dump")
    with pytest.raises(BackupError, match="pg_restore"):
        put_back(dump, other)
    assert schemas(other) == []


def test_a_schema_that_is_not_empty_is_left_alone(filled: Filled, dump: Path, put_back: PutBack) -> None:
    before = filled.content()
    with pytest.raises(BackupError, match=r"the schema signals of .* is not empty"):
        put_back(dump, filled)
    assert filled.content() == before


def test_by_force_it_is_moved_aside_and_kept(
    filled: Filled, dump: Path, put_back: PutBack, other: Filled
) -> None:
    put_back(dump, other)
    other.store(31, 32)
    later = other.content()
    done = put_back(dump, other, force=True)
    assert done.aside == "signals_before_20261123033000"
    assert other.content() == filled.content()
    kept = other.content(done.aside)
    assert {name: len(rows) for name, rows in kept.items()} == {n: len(rows) for n, rows in later.items()}
    assert len(kept["ledger"]) == 32


def test_by_force_and_in_vain_everything_stands_as_before(
    dump: Path, put_back: PutBack, server: Server
) -> None:
    standing = Filled(server.create(migrated=True))
    standing.store(1)
    without_note(dump)
    damage(dump)
    before = standing.content()
    with pytest.raises(BackupError, match="pg_restore"):
        put_back(dump, standing, force=True)
    assert schemas(standing) == ["signals"]
    assert standing.content() == before
    server.drop(standing.url)


def test_a_note_that_tells_of_more_rows_is_not_believed_done(
    dump: Path, put_back: PutBack, other: Filled
) -> None:
    note = dump.with_name(f"{dump.name}.json")
    note.write_text(note.read_text().replace('"ledger": 30', '"ledger": 31'))
    with pytest.raises(BackupError, match="ledger"):
        put_back(dump, other)
    assert schemas(other) == []


def test_an_empty_schema_is_no_hindrance(dump: Path, put_back: PutBack, other: Filled) -> None:
    other.ask("create schema signals")
    assert put_back(dump, other).tables["ledger"] == 30


def test_a_running_daemon_is_not_restored_under(dump: Path, put_back: PutBack, server: Server) -> None:
    served = Filled(server.create(migrated=True))
    served.ask("insert into signals.daemons (daemon_id, place) values ('d', 'vm1 pid 7')")
    with pytest.raises(BackupError, match=r"a daemon works in .* \(vm1 pid 7\): stop it first"):
        put_back(dump, served, force=True)
    served.ask("update signals.daemons set seen_at = now() - interval '31 seconds'")
    put_back(dump, served, force=True)
    server.drop(served.url)


def test_a_backup_of_another_schema_is_named(dump: Path, put_back: PutBack, other: Filled) -> None:
    with pytest.raises(BackupError, match="the file holds the schema signals, wanted is trading"):
        put_back(dump, other, schema="trading")


def test_a_role_that_is_missing_is_named_with_the_remedy(
    filled: Filled, make: BackUp, put_back: PutBack, other: Filled, postgres: LocalPostgres
) -> None:
    postgres.create_role("grafana_of_before", "pw")
    filled.ask("grant select on signals.ledger to grafana_of_before")
    dump = make().path
    filled.ask("drop owned by grafana_of_before")
    filled.ask("drop role grafana_of_before")
    with pytest.raises(BackupError, match="gives rights to grafana_of_before; make the roles first"):
        put_back(dump, other)
    assert schemas(other) == []


# ── the commands ─────────────────────────────────────────────────────────────


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


# ── other servers ────────────────────────────────────────────────────────────


def test_debians_older_server_is_backed_up_with_its_own_programs(
    programs: list[Programs], put_back: PutBack, tmp_path: Path
) -> None:
    """The newest pg_restore sets what that server does not know; its own version is chosen."""
    need_program("psql")
    place = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    timers = TimerThread()
    try:
        with LocalPostgres(place, settings={"fsync": "off"}, system=True) as server:
            source, target = Filled(server.dsn("one")), Filled(server.dsn("two"))
            server.create_database("one")
            server.create_database("two")
            migrate(source.url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers)
            source.store(1, 2, 3)
            made = back_up(
                source.url,
                schema=SCHEMA,
                folder=tmp_path / "kept",
                keep=1,
                scratch=None,
                now=NOW,
                programs=programs,
            )
            assert made.unproven is None
            put_back(made.path, target)
            assert target.content() == source.content()
    finally:
        timers.close()
        shutil.rmtree(place)


@pytest.mark.timescale
@pytest.mark.skipif(TIMESCALE_URL not in os.environ, reason=f"{TIMESCALE_URL} names no server")
def test_a_hypertable_is_backed_up_with_its_chunks_and_its_policy(
    timescale_server: Server, programs: list[Programs], put_back: PutBack, tmp_path: Path
) -> None:
    """A dump of the schema alone would hold none of its rows: chunks lie in a schema of the extension."""
    source = Filled(timescale_server.create(migrated=True))
    target = Filled(timescale_server.create(migrated=False))
    try:
        source.store(*range(1, 31))
        made = back_up(
            source.url,
            schema=SCHEMA,
            folder=tmp_path / "kept",
            keep=1,
            scratch=None,
            now=NOW + timedelta(hours=1),
            programs=programs,
        )
        assert made.unproven is None
        assert made.note.tables["tp_capital_signals"] == 30
        put_back(made.path, target)
        assert target.content() == source.content()
        chunks = "select count(*) from show_chunks('signals.tp_capital_signals')"
        assert target.ask(chunks) == source.ask(chunks)
        assert target.ask("show timescaledb.restoring") == [("off",)]
        policy = "select count(*) from timescaledb_information.jobs where proc_name = 'policy_retention'"
        assert target.ask(policy) == [(1,)]
        with pytest.raises(BackupError, match="goes into a fresh database only"):
            put_back(made.path, target, force=True)
        target.store(31)
        assert target.ask("select count(*) from signals.tp_capital_signals") == [(31,)]
    finally:
        for filled in (source, target):
            timescale_server.drop(filled.url)
