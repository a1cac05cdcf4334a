"""Backups of servers other than the one of the tests: an older one, and one with TimescaleDB."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.timers import TimerThread
from ops.backup.dumping import Backup, back_up
from ops.backup.errors import BackupError
from ops.backup.programs import Programs
from ops.local.postgres import LocalPostgres
from ops.local.roles import OWNER_ROLE
from storage.postgres.schema import Strategy, migrate
from tests.support.backups import NOW, SCHEMA, Filled, PutBack
from tests.support.databases import Server, as_role, name_of
from tests.support.servers import copied_cluster, need_program, server_folder
from tests.support.timescale import TIMESCALE_URL


def back_up_three(source: Filled, folder: Path, programs: list[Programs]) -> Backup:
    """Make the schema in an empty database, store three signals, and back it up."""
    timers = TimerThread()
    migrate(source.url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers)
    timers.close()
    source.store(1, 2, 3)
    made = back_up(source.url, schema=SCHEMA, folder=folder, keep=1, scratch=None, now=NOW, programs=programs)
    assert made.unproven is None
    return made


def test_debians_older_server_is_backed_up_with_its_own_programs(
    programs: list[Programs], put_back: PutBack, tmp_path: Path
) -> None:
    """The newest pg_restore sets what that server does not know; its own version is chosen."""
    need_program("psql")
    with (
        server_folder() as place,
        LocalPostgres(place, settings={"fsync": "off"}, system=True) as server,
    ):
        source, target = Filled(server.dsn("one")), Filled(server.dsn("two"))
        server.create_database("one")
        server.create_database("two")
        made = back_up_three(source, tmp_path / "kept", programs)
        put_back(made.path, target)
        assert target.content() == source.content()


def test_a_server_whose_default_is_no_encoding_at_all_is_backed_up(
    cluster: Path, programs: list[Programs], tmp_path: Path
) -> None:
    with (
        server_folder() as place,
        LocalPostgres(copied_cluster(cluster, place), settings={"fsync": "off"}) as server,
    ):
        admin, source = Filled(server.dsn()), Filled(server.dsn("one"))
        # what pg_createcluster makes where LANG is not set
        admin.ask(
            "update pg_database set encoding = pg_char_to_encoding('SQL_ASCII'), datcollate = 'C', datctype = 'C'"
            " where datname in ('template0', 'template1')"
        )
        admin.ask("create database one template template0 encoding 'UTF8'")
        made = back_up_three(source, tmp_path / "kept", programs)
        assert made.note.tables["tp_capital_signals"] == 3


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
        with pytest.raises(BackupError, match="needs a new database"):
            put_back(made.path, target, force=True)
        target.store(31)
        assert target.ask("select count(*) from signals.tp_capital_signals") == [(31,)]
    finally:
        for filled in (source, target):
            timescale_server.drop(filled.url)


@pytest.mark.timescale
@pytest.mark.skipif(TIMESCALE_URL not in os.environ, reason=f"{TIMESCALE_URL} names no server")
def test_fault_40_compressed_weeks_are_backed_up_and_restored_and_a_failed_restore_leaves_nothing(
    timescale_server: Server, programs: list[Programs], put_back: PutBack, tmp_path: Path
) -> None:
    source = Filled(timescale_server.create(migrated=True))
    target = Filled(timescale_server.create(migrated=False))
    try:
        source.store(*range(1, 51))
        source.ask("alter table signals.tp_capital_signals set (timescaledb.compress)")
        packed = "select count(compress_chunk(chunk)) from show_chunks('signals.tp_capital_signals') as chunk"
        assert source.ask(packed)[0][0] > 5
        made = back_up(
            source.url, schema=SCHEMA, folder=tmp_path, keep=1, scratch=None, now=NOW, programs=programs
        )
        assert made.unproven is None
        assert made.note.tables["tp_capital_signals"] == 50

        note = made.path.with_name(f"{made.path.name}.json")
        told = note.read_text()
        # once into a database without the extension, once into one that has it
        for _ in range(2):
            note.write_text(told.replace('"tp_capital_signals": 50', '"tp_capital_signals": 51'))
            before = left_in(target)
            with pytest.raises(BackupError, match="the restored row counts"):
                put_back(made.path, target)
            assert left_in(target) == before
            target.ask("create extension if not exists timescaledb")
        note.write_text(told)
        put_back(made.path, target)
        assert target.content() == source.content()
        assert target.ask(COMPRESSED) == source.ask(COMPRESSED)
        # and again from there: a backup of what was restored is the same
        target.store(51)
        target.ask(f"call run_job({target.ask(POLICY)[0][0]})")
        twice = back_up(
            target.url, schema=SCHEMA, folder=tmp_path / "b", keep=1, scratch=None, now=NOW, programs=programs
        )
        assert (twice.unproven, twice.note.tables["tp_capital_signals"]) == (None, 51)
    finally:
        for filled in (source, target):
            timescale_server.drop(filled.url)


@pytest.mark.timescale
@pytest.mark.skipif(TIMESCALE_URL not in os.environ, reason=f"{TIMESCALE_URL} names no server")
def test_fault_41_schemas_of_others_are_left_out_and_hypertables_of_others_are_told(
    timescale_server: Server, programs: list[Programs], put_back: PutBack, tmp_path: Path
) -> None:
    source = Filled(timescale_server.create(migrated=False))
    target = Filled(timescale_server.create(migrated=False))
    timescale_server.make_role(OWNER_ROLE, "owner's own")
    owner = as_role(source.url, OWNER_ROLE, "owner's own")
    timers = TimerThread()
    try:
        source.ask(f'alter database "{name_of(source.url)}" owner to {OWNER_ROLE}')
        migrate(owner, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers)
        source.store(1, 2, 3)
        source.ask("create schema of_another")
        source.ask("create table of_another.secret (a int)")
        source.ask("create table public.notes (a int)")

        def back_up_as_owner() -> Backup:
            return back_up(
                owner, schema=SCHEMA, folder=tmp_path, keep=1, scratch=source.url, now=NOW, programs=programs
            )

        made = back_up_as_owner()
        assert made.unproven is None
        put_back(made.path, target)
        assert target.content() == source.content()
        assert target.ask("select to_regclass('public.notes'), to_regnamespace('of_another')") == [
            (None, None)
        ]
        source.ask("create table of_another.readings (at timestamptz not null)")
        source.ask("select create_hypertable('of_another.readings', by_range('at'))")
        with pytest.raises(BackupError, match=r"also holds of_another\.readings, .* into another database"):
            back_up_as_owner()
    finally:
        timers.close()
        for filled in (source, target):
            timescale_server.drop(filled.url)


COMPRESSED = "select count(*) from timescaledb_information.chunks where is_compressed"
POLICY = "select job_id from timescaledb_information.jobs where proc_name = 'policy_retention'"


def left_in(database: Filled) -> list[Any]:
    """Tell what a database holds: tables that are no part of an extension, extensions, settings of its own."""
    return [
        database.ask(
            "select oid::regclass::text from pg_class where relkind in ('r', 'p') and oid >= 16384 and not exists ("
            "select from pg_depend where pg_depend.objid = pg_class.oid and deptype = 'e') order by 1"
        ),
        database.ask(
            "select extname, extversion, extnamespace::regnamespace::text from pg_extension order by 1"
        ),
        database.ask(
            "select unnest(setconfig) from pg_db_role_setting join pg_database on oid = setdatabase"
            " where datname = current_database()"
        ),
    ]
