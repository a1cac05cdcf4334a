"""Opening folders for passing through, and not more."""

import os
import stat
from pathlib import Path

import pytest

from ops.local import _account
from ops.local.process import LocalServerError


def test_only_the_right_to_pass_is_added_and_only_where_it_is_missing(tmp_path: Path) -> None:
    modes = {"a": 0o700, "a/b": 0o755, "a/b/c": 0o750, "a/b/c/d": 0o2711}
    for name, mode in modes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)

    _account.open_for_passing(tmp_path / "a/b/c/d")

    found = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in modes}
    assert found == {"a": 0o701, "a/b": 0o755, "a/b/c": 0o751, "a/b/c/d": 0o2711}
    assert _account.is_passable(tmp_path / "a/b/c/d")


def test_a_closed_folder_of_another_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(0o700)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(LocalServerError, match="belongs to somebody else"):
        _account.open_for_passing(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_ordinary_user_s_server_runs_as_that_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _account.server_account() is None


def test_without_useradd_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(_account, "_look_up", lambda: None)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(LocalServerError, match="create a system user tp-capital-db"):
        _account.server_account()
