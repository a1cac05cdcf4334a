"""``tp-capital init-env``: secrets nobody else reads, in a file that compose, systemd and we read alike."""

import os
import re
import stat
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from config import load_settings
from ops.cli import app
from ops.environment_file import GENERATED


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def init_env(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init-env", *arguments])


def written(path: Path = Path(".env")) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", path.read_text("utf-8"), re.MULTILINE))


def test_the_file_is_for_its_owner_alone_whatever_the_umask() -> None:
    former = os.umask(0)
    try:
        assert init_env().exit_code == 0
    finally:
        os.umask(former)
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_no_secret_is_printed() -> None:
    result = init_env()
    assert not any(written()[name] in result.output for name in GENERATED)


def test_every_secret_is_long_and_its_own_and_new_each_time() -> None:
    init_env()
    init_env("--output", "other")
    first, second = written(), written(Path("other"))
    secrets = [values[name] for values in (first, second) for name in GENERATED]
    assert len(set(secrets)) == len(secrets) == 2 * len(GENERATED)
    assert min(map(len, secrets)) >= 32


def test_every_value_means_the_same_to_compose_systemd_a_shell_and_us() -> None:
    """No quotes, dollars, backslashes, blanks or hashes: nothing that any of them would read its own way."""
    init_env()
    for name, value in written().items():
        assert re.fullmatch(r"[A-Za-z0-9_./:@-]+", value), name


def test_the_settings_of_the_file_are_right_ones() -> None:
    init_env()
    settings, values = load_settings(), written()
    database = conninfo_to_dict(settings.database.conninfo)
    assert (database["user"], database["password"], database["port"]) == (
        "tp_capital",
        values["TP_CAPITAL_DB_PASSWORD"],
        "6435",
    )
    owner = conninfo_to_dict(settings.database.migration_conninfo)
    assert (owner["user"], owner["password"], owner["port"]) == (
        "tp_capital_owner",
        values["TP_CAPITAL_OWNER_PASSWORD"],
        "5440",
    )
    assert settings.http.api_key is not None
    assert settings.http.api_key.get_secret_value() == values["TP_CAPITAL_API_KEY"]
    assert settings.gateway.api_key is not None


def test_what_is_commented_out_is_the_default() -> None:
    init_env()
    before = load_settings(env_file=None)
    text = Path(".env").read_text("utf-8")
    defaults = "\n".join(re.findall(r"^#([A-Z_]+=.*)$", text, re.MULTILINE))
    assert defaults.count("\n") > 20
    Path(".env").write_text(defaults)
    assert load_settings() == before


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_there_is_left_as_it_is(kind: str) -> None:
    there = Path(".env")
    if kind == "file":
        there.write_text("TP_CAPITAL_API_KEY=mine")
    elif kind == "link":
        there.symlink_to("elsewhere")
    else:
        there.mkdir()
    result = init_env()
    assert result.exit_code == 1
    assert result.stderr.startswith("tp-capital: .env already exists")
    assert not Path("elsewhere").exists()
    if kind == "file":
        assert there.read_text() == "TP_CAPITAL_API_KEY=mine"


def test_a_place_that_cannot_be_written_is_one_line() -> None:
    result = init_env("--output", "missing/.env")
    assert result.exit_code == 1
    assert result.stderr == "tp-capital: missing/.env cannot be written: No such file or directory\n"


def test_a_dash_writes_to_standard_output() -> None:
    result = init_env("--output", "-")
    assert result.exit_code == 0
    assert "TP_CAPITAL_API_KEY=" in result.stdout
    assert not Path("-").exists()
