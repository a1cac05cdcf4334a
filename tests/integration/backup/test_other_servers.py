"""Backups of servers other than the one of the tests: an older one, and one with TimescaleDB."""

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from engine.timers import TimerThread
from ops.backup.dumping import Backup, back_up
from ops.backup.errors import BackupError
from ops.backup.programs import Programs
from ops.local.postgres import LocalPostgres
from storage.schema import Strategy, migrate
from tests.support.backups import NOW, SCHEMA, Filled, PutBack
from tests.support.databases import Server
from tests.support.servers import need_program
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
    place = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    try:
        with LocalPostgres(place, settings={"fsync": "off"}, system=True) as server:
            source, target = Filled(server.dsn("one")), Filled(server.dsn("two"))
            server.create_database("one")
            server.create_database("two")
            made = back_up_three(source, tmp_path / "kept", programs)
            put_back(made.path, target)
            assert target.content() == source.content()
    finally:
        shutil.rmtree(place)


def test_a_server_whose_default_is_no_encoding_at_all_is_backed_up(
    programs: list[Programs], tmp_path: Path
) -> None:
    place = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    try:
        with LocalPostgres(place, settings={"fsync": "off"}) as server:
            admin, source = Filled(server.dsn()), Filled(server.dsn("one"))
            # what pg_createcluster makes where LANG is not set
            admin.ask(
                "update pg_database set encoding = pg_char_to_encoding('SQL_ASCII'), datcollate = 'C', datctype = 'C'"
                " where datname in ('template0', 'template1')"
            )
            admin.ask("create database one template template0 encoding 'UTF8'")
            made = back_up_three(source, tmp_path / "kept", programs)
            assert made.note.tables["tp_capital_signals"] == 3
    finally:
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
