"""Backups of a real database by the real pg_dump: whole, checked, private, and nothing left of one that failed."""

import json
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from ops.backup.errors import BackupError
from ops.backup.files import BackupFolder
from ops.backup.scratch import _PREFIX
from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from tests.support.backups import NOW, BackUp, Filled, WithFault
from tests.support.databases import Server, as_engine, name_of


def scratch_databases(filled: Filled) -> list[str]:
    rows = filled.ask("select datname from pg_database where starts_with(datname, %s)", _PREFIX)
    return [name for (name,) in rows]


def earlier(filled: Filled, folder: Path, count: int) -> list[Path]:
    """Put files there as earlier backups have left them, the oldest first."""
    folder.mkdir()
    names = [name_of(filled.url) + f"-signals-2026010{day}T033000Z.dump" for day in range(1, count + 1)]
    for name in names:
        (folder / name).touch()
        (folder / f"{name}.json").touch()
    return [folder / name for name in names]


def test_a_backup_is_whole_checked_and_for_its_owner_alone(
    filled: Filled, make: BackUp, folder: Path
) -> None:
    made = make()
    assert made.unproven is None
    assert made.path == folder / f"{name_of(filled.url)}-signals-20261123T033000Z.dump"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    note = json.loads(made.path.with_name(made.path.name + ".json").read_text())
    assert note["verified"] == "restored"
    assert note["tables"]["ledger"] == note["tables"]["tp_capital_signals"] == 30
    # tables are found, not listed: partitions count with their table
    (tables,) = filled.ask(
        "select count(*) from pg_class where relnamespace = 'signals'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition"
    )
    assert len(note["tables"]) == tables[0] >= 10
    assert scratch_databases(filled) == []


def test_a_backup_made_while_signals_arrive_is_of_one_instant(server: Server, make: BackUp) -> None:
    """Rows are counted in the snapshot that pg_dump reads; else the check would find others."""
    busy = Filled(server.create(migrated=True))
    stop, stored = threading.Event(), 0

    def write() -> None:
        nonlocal stored
        while not stop.is_set():
            stored += 1
            busy.store(stored)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wait_until(lambda: stored > 2, deadline_s=30)
        tables = make(owner=busy.url).note.tables
    finally:
        stop.set()
        writer.join()
        server.drop(busy.url)
    assert tables["ledger"] == tables["tp_capital_signals"]
    assert 0 < tables["ledger"] < stored


def test_a_dump_that_lacks_rows_is_found_and_gone(
    filled: Filled, make: BackUp, folder: Path, with_fault: WithFault
) -> None:
    (good,) = earlier(filled, folder, 1)
    forgetful = with_fault(pg_dump='exec {real} "$@" --exclude-table-data=signals.ledger')
    with pytest.raises(BackupError, match="differs from the database: ledger: 30 rows, restored 0"):
        make(programs=forgetful, keep=1)
    assert list(folder.glob("*.dump")) == [good], "the one of before stays"
    assert list(folder.glob(".*draft")) == []
    assert scratch_databases(filled) == []


def test_a_pg_dump_that_fails_says_why_and_leaves_nothing(
    filled: Filled, make: BackUp, folder: Path, with_fault: WithFault
) -> None:
    failing = with_fault(pg_dump='echo "pg_dump: error: the disk is full" >&2; echo half > "$0.out"; exit 1')
    with pytest.raises(BackupError, match="the disk is full"):
        make(programs=failing)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_no_password_stands_on_a_command_line(
    filled: Filled, make: BackUp, with_fault: WithFault, tmp_path: Path, postgres: LocalPostgres
) -> None:
    said = tmp_path / "said"
    noting = f'echo "$0 $@" >> {said}; exec {{real}} "$@"'
    make(programs=with_fault(pg_dump=noting, pg_restore=noting))
    words = said.read_text()
    assert words.count("pg_restore") >= 2
    assert "--snapshot=" in words
    assert postgres.password_path.read_text().strip() not in words


def test_only_the_newest_stay_and_only_of_this_database(filled: Filled, make: BackUp, folder: Path) -> None:
    oldest, older, old = earlier(filled, folder, 3)
    others = [folder / "other_db-signals-20200101T000000Z.dump", folder / "notes.txt"]
    for path in others:
        path.touch()
    made = make(keep=2)
    assert made.removed == (oldest, older)
    assert sorted(folder.glob("*.dump")) == sorted([made.path, old, others[0]])
    notes = [path.with_name(f"{path.name}.json") for path in (made.path, old)]
    assert sorted(folder.glob("*.json")) == sorted(notes)
    assert all(path.exists() for path in others)


def test_a_role_that_may_not_create_databases_has_its_backup_read_and_is_told(
    filled: Filled, make: BackUp, postgres: LocalPostgres
) -> None:
    postgres.create_role("modest", "pw")
    try:
        filled.ask(f"alter database {name_of(filled.url)} owner to modest")
        filled.ask("grant usage on schema signals to modest")
        filled.ask("grant select on all tables in schema signals to modest")
        filled.ask("grant select on all sequences in schema signals to modest")
        made = make(owner=postgres.dsn(name_of(filled.url), "modest", "pw"))
        assert made.unproven == "modest may not create databases (alter role modest createdb)"
        assert made.note.verified == "read"
        # a superuser of the same server, named for the check alone
        made = make(
            owner=postgres.dsn(name_of(filled.url), "modest", "pw"),
            scratch=postgres.dsn(),
            now=NOW + timedelta(days=1),
        )
        assert made.unproven is None
    finally:
        filled.ask(f"drop owned by modest; alter database {name_of(filled.url)} owner to postgres")
        filled.ask("drop role modest")


@pytest.mark.usefixtures("no_role_stays")
def test_a_damaged_draft_is_found_by_reading_it(
    filled: Filled, make: BackUp, with_fault: WithFault, postgres: LocalPostgres, folder: Path
) -> None:
    filled.ask("create role reader login password 'pw' in role pg_read_all_data")
    # the last of its arguments but one is --file=; rows near its end are overwritten
    damaging = (
        '{real} "$@" || exit 1; for word in "$@"; do case "$word" in --file=*) file="${word#--file=}";; esac; done;'
        ' size=$(stat -c %s "$file"); head -c 64 /dev/urandom |'
        ' dd of="$file" bs=1 seek=$((size - 700)) conv=notrunc 2>/dev/null'
    )
    try:
        with pytest.raises(BackupError, match="pg_restore"):
            make(
                owner=postgres.dsn(name_of(filled.url), "reader", "pw"),
                programs=with_fault(pg_dump=damaging),
            )
    finally:
        filled.ask("drop role reader")
    assert list(folder.glob("*.dump")) == []


def test_fault_41_a_role_that_may_not_read_all_is_told_before_the_work_with_the_statements(
    filled: Filled, make: BackUp
) -> None:
    lacking = r"may not read .*schema_migrations|may not read .*_seq"
    with pytest.raises(BackupError, match=f"({lacking}).*grant select on all sequences in schema") as caught:
        make(owner=as_engine(filled.url))
    assert "TP_CAPITAL_MIGRATION_DATABASE_URL" in str(caught.value)


def test_a_schema_without_tables_is_no_backup(make: BackUp, folder: Path) -> None:
    with pytest.raises(BackupError, match="no tables in the schema nowhere, so there is nothing"):
        make(schema="nowhere")
    assert list(folder.glob("*.dump")) == []


def test_one_backup_at_a_time_works_in_a_folder(make: BackUp, folder: Path) -> None:
    with (
        BackupFolder(folder).owned(),
        pytest.raises(BackupError, match="another backup into"),
    ):
        make()


def test_what_a_killed_backup_left_is_removed_by_the_next(filled: Filled, make: BackUp, folder: Path) -> None:
    old, new, odd = f"{_PREFIX}1000000000_aa", f"{_PREFIX}9999999999_aa", f"{_PREFIX}of_somebody"
    folder.mkdir()
    draft = folder / ".x.dump.draft"
    draft.touch()
    for name in (old, new, odd):
        filled.ask(f"create database {name}")
    try:
        make()
        assert sorted(scratch_databases(filled)) == sorted([new, odd]), "only what is ours and old goes"
        assert not draft.exists()
    finally:
        for name in (new, odd):
            filled.ask(f"drop database {name}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/db", "no connection: .*refused"),
        ("postgresql://u:s3cret@[h/db", "the address is malformed"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(make: BackUp, url: str, said: str) -> None:
    with pytest.raises(BackupError, match=said) as caught:
        make(owner=url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.usefixtures("no_role_stays")
def test_the_limits_of_the_role_do_not_cut_a_backup(
    filled: Filled, make: BackUp, postgres: LocalPostgres, with_fault: WithFault
) -> None:
    """The transaction of the snapshot stays open, idle, while pg_dump works."""
    filled.ask("create role hasty superuser login password 'pw'")
    try:
        filled.ask("alter role hasty set idle_in_transaction_session_timeout = '200ms'")
        url = postgres.dsn(name_of(filled.url), "hasty", "pw")
        slow = with_fault(pg_dump='sleep 0.5; exec {real} "$@"')
        assert make(owner=url, programs=slow).unproven is None
    finally:
        filled.ask("drop role hasty")
