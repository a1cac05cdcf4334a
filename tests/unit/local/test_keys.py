"""Keys of a demo or a stack: kept, closed to others, found by the commands of the folder (fault 50)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.keys import (
    API_KEY_FILE,
    SETTINGS_FILE,
    kept_key,
    key_of_local_daemon,
    own_api_key,
    with_settings,
    write_settings,
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TP_CAPITAL_API_KEY", "TP_CAPITAL_API_KEY_FILE", "TP_CAPITAL_SYNC_OPEN"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / ".tp-capital" / "demo"
    place.mkdir(parents=True)
    return place


def test_a_key_is_made_once_and_is_its_owners(folder: Path) -> None:
    key = kept_key(folder, API_KEY_FILE)
    assert len(key) == 64
    assert kept_key(folder, API_KEY_FILE) == key
    assert (folder / API_KEY_FILE).stat().st_mode & 0o777 == 0o600
    (folder / API_KEY_FILE).write_text("")  # by a start that was killed
    assert len(kept_key(folder, API_KEY_FILE)) == 64


def test_the_key_of_the_environment_is_the_engines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_api_key(folder) == {
        "TP_CAPITAL_API_KEY": kept_key(folder, API_KEY_FILE),
        "TP_CAPITAL_SYNC_OPEN": "1",
    }
    monkeypatch.setenv("TP_CAPITAL_API_KEY_FILE", "/somewhere")
    assert "TP_CAPITAL_API_KEY" not in own_api_key(folder)


def test_a_file_of_the_environment_does_not_contradict_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL_FILE", "/somewhere")
    monkeypatch.setenv("TP_CAPITAL_API_KEY_FILE", "/somewhere")
    made = with_settings({"TP_CAPITAL_DATABASE_URL": "x"})
    assert made["TP_CAPITAL_DATABASE_URL"] == "x"
    assert "TP_CAPITAL_DATABASE_URL_FILE" not in made
    assert made["TP_CAPITAL_API_KEY_FILE"] == "/somewhere"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:4999", True),
        ("http://localhost:4999/", True),
        ("http://127.0.0.1:4998", False),
        ("http://evil.example:4999", False),
        ("http://127.0.0.1.evil.example:4999", False),
        ("http://127.0.0.1:4999@evil.example", False),
        ("http://127.0.0.1:x", False),
    ],
)
def test_the_key_goes_to_the_daemon_of_this_folder_alone(folder: Path, url: str, found: bool) -> None:
    assert key_of_local_daemon(url) is None
    write_settings(folder / SETTINGS_FILE, {"PORT": "4999", "TP_CAPITAL_API_KEY": "the key's"})
    assert (folder / SETTINGS_FILE).stat().st_mode & 0o777 == 0o600
    assert key_of_local_daemon(url) == ("the key's" if found else None)
