"""A database with signals in it, a folder for backups, and pg_dump as it is or with a fault."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.backup.dumping import Backup, back_up
from ops.backup.programs import Programs, installed
from ops.backup.restoring import Restored, restore
from tests.support.backups import NOW, SCHEMA, BackUp, Filled, PutBack, WithFault
from tests.support.databases import Server


@pytest.fixture(scope="session")
def programs() -> list[Programs]:
    """Find what is installed here, once."""
    return list(installed())


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[Filled]:
    """Give a migrated database with thirty signals; a test that changes it makes its own."""
    filled = Filled(server.create(migrated=True))
    filled.store(*range(1, 31))
    yield filled
    server.drop(filled.url)


@pytest.fixture
def other(server: Server) -> Iterator[Filled]:
    """Give an empty database."""
    url = server.create(migrated=False)
    yield Filled(url)
    server.drop(url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def make(filled: Filled, folder: Path, programs: list[Programs]) -> BackUp:
    """Back the filled database up."""

    def make_one(**changes: Any) -> Backup:
        values: dict[str, Any] = {
            "owner": filled.url,
            "schema": SCHEMA,
            "folder": folder,
            "keep": 7,
            "scratch": None,
            "now": NOW,
            "programs": programs,
        }
        values |= changes
        return back_up(values.pop("owner"), **values)

    return make_one


@pytest.fixture
def with_fault(programs: list[Programs], tmp_path: Path) -> WithFault:
    """Put a script in place of one of the programs; ``{real}`` in it is the real one."""

    def put(**scripts: str) -> list[Programs]:
        faulty: list[Programs] = []
        for real_ones in programs:
            place = tmp_path / f"faulty-{len(faulty)}"
            place.mkdir()
            for name in ("pg_dump", "pg_restore"):
                path = place / name
                real = str(real_ones.folder / name)
                path.write_text("#!/bin/sh\n" + scripts.get(name, 'exec {real} "$@"').replace("{real}", real))
                path.chmod(0o755)
            faulty.append(replace(real_ones, folder=place))
        return faulty

    return put


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
    def restore_one(
        dump: Path, into: Filled, *, force: bool = False, trust: bool = False, schema: str = SCHEMA
    ) -> Restored:
        return restore(dump, into.url, schema=schema, force=force, trust=trust, now=NOW, programs=programs)

    return restore_one
