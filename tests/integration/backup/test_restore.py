"""Backups restored for real: every row, right and number of it, or nothing changed."""

import os
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.timers import TimerThread
from ops.backup.errors import BackupError
from ops.backup.files import BackupNote, checksum
from ops.backup.programs import Programs, choose
from ops.local.postgres import LocalPostgres
from storage.postgres.database import Database
from storage.postgres.retention import Retention
from storage.postgres.schema import Strategy, is_current, migrate
from tests.support.backups import SCHEMA, BackUp, Filled, PutBack
from tests.support.databases import Server, as_engine

EVENT_TRIGGER = (
    "create function signals.f() returns event_trigger language plpgsql as 'begin end'; "
    "create event trigger each on ddl_command_end execute function signals.f()"
)


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
    with pytest.raises(BackupError, match="is damaged: its checksum differs"):
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
        put_back(dump, other, trust=True)
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
        put_back(dump, standing, force=True, trust=True)
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
    with pytest.raises(BackupError, match=r"a daemon is using .* \(vm1 pid 7\): stop it first"):
        put_back(dump, served, force=True)
    served.ask("update signals.daemons set seen_at = now() - interval '31 seconds'")
    put_back(dump, served, force=True)
    server.drop(served.url)


def test_a_backup_of_another_schema_is_named(dump: Path, put_back: PutBack, other: Filled) -> None:
    with pytest.raises(BackupError, match="the file holds the schema signals, not trading"):
        put_back(dump, other, schema="trading")


def test_a_role_that_is_missing_is_named_with_the_remedy(
    filled: Filled, make: BackUp, put_back: PutBack, other: Filled, postgres: LocalPostgres
) -> None:
    postgres.create_role("grafana_of_before", "pw")
    filled.ask("grant select on signals.ledger to grafana_of_before")
    dump = make().path
    filled.ask("drop owned by grafana_of_before")
    filled.ask("drop role grafana_of_before")
    with pytest.raises(BackupError, match="grants rights to grafana_of_before; create the roles first"):
        put_back(dump, other)
    assert schemas(other) == []


def test_fault_54_a_file_without_its_note_is_restored_only_when_told_to(
    dump: Path, put_back: PutBack, filled: Filled, other: Filled
) -> None:
    without_note(dump)
    with pytest.raises(BackupError, match=r"no note next to .* rights of the restoring role.*--trust"):
        put_back(dump, other)
    assert schemas(other) == []
    put_back(dump, other, trust=True)
    assert other.content() == filled.content()


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            "create function public.of_another() returns int language sql return 1",
            "FUNCTION public of_another",
        ),
        ('create schema "SIGNALS"; create table "SIGNALS".signals (a int)', "SCHEMA - SIGNALS"),
        (EVENT_TRIGGER, "EVENT TRIGGER - each"),
        ("create function signals.planted() returns int language sql return 1", "FUNCTION signals planted"),
        ("create procedure signals.planted() language sql as ''", "PROCEDURE signals planted"),
        (
            "create trigger planted before update on signals.ledger execute function suppress_redundant_updates_trigger()",
            "TRIGGER signals ledger planted",
        ),
        (
            "create rule planted as on insert to signals.ledger do also select 1",
            "RULE signals ledger planted",
        ),
        ("create domain signals.planted as int check (value > 0)", "DOMAIN signals planted"),
        ("create materialized view signals.planted as select 1", "MATERIALIZED VIEW signals planted"),
    ],
    ids=[
        *("function", "schema", "event trigger"),
        *("own function", "own procedure", "own trigger", "own rule", "own domain", "own materialized view"),
    ],
)
def test_fault_54_objects_that_are_not_ours_are_refused(
    server: Server, programs: list[Programs], put_back: PutBack, tmp_path: Path, *, made: str, named: str
) -> None:
    source, target = Filled(server.create(migrated=True)), Filled(server.create(migrated=False))
    try:
        for statement in made.split("; "):
            source.ask(statement)
        info = conninfo_to_dict(source.url)
        dump = tmp_path / "foreign.dump"
        environment = {"PGPASSWORD": str(info["password"])}
        url = make_conninfo(source.url, password=None)
        choose(programs, server_major=18, tls=False).run(
            "pg_dump", ["--format=custom", f"--file={dump}", f"--dbname={url}"], environment
        )
        # somebody has written a note for it
        note = BackupNote(
            **dict.fromkeys(("created_at", "database", "tp_capital", "verified"), ""),
            schema=SCHEMA, server=18, timescaledb=None, tables={}, sha256=checksum(dump),
        )  # fmt: skip
        dump.with_name(f"{dump.name}.json").write_bytes(orjson.dumps(asdict(note)))
        with pytest.raises(BackupError, match=f"more than our schema signals: .*{named}"):
            put_back(dump, target)
        assert schemas(target) == []
    finally:
        for each in (source, target):
            server.drop(each.url)


def test_the_index_for_searches_is_made_again_by_migrate(
    filled: Filled, dump: Path, put_back: PutBack, other: Filled
) -> None:
    index = "select to_regclass('signals.tp_capital_signals_search') is not null"
    assert filled.ask(index) == [(True,)]
    put_back(dump, other)
    assert other.ask(index) == [(False,)], "the other database may lack the extension"
    timers = TimerThread()
    try:
        assert migrate(other.url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers) == ("search_index",)
    finally:
        timers.close()
    assert other.ask(index) == [(True,)]
