"""The settings of live reading: what is missing is said with where to get it, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.gateway.telegram_settings import BotSettings, UserSessionSettings, live_settings

NAMES = ("API_ID", "API_HASH", "BOT_TOKEN", "BOT_API_URL", "CHANNELS", "SESSION_FOLDER")
TOKEN = "123456:" + "x" * 35


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"TELEGRAM_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_anything_it_says_where_id_and_hash_come_from() -> None:
    with pytest.raises(ValueError, match=r"TELEGRAM_API_ID and TELEGRAM_API_HASH not set.*my\.telegram\.org"):
        live_settings()


def test_a_session_is_read_from_environment_file_and_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hash").write_text("0123456789abcdef" * 2 + "\n")
    (tmp_path / ".env").write_text("TELEGRAM_API_ID=77\nTELEGRAM_CHANNELS=@a, -1001\n")
    monkeypatch.setenv("TELEGRAM_API_HASH_FILE", str(tmp_path / "hash"))
    found = live_settings()
    assert isinstance(found, UserSessionSettings)
    assert (found.api_id, found.channels) == (77, ("@a", "-1001"))
    assert found.folder == Path(".tp-capital/telegram")
    assert "0123456789abcdef" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("API_ID", "seven", "must be a number"),
        ("API_HASH", "short", "32 hexadecimal digits"),
        ("BOT_TOKEN", "hunter2", "@BotFather"),
        ("BOT_API_URL", "http://example.org", "https://"),
    ],
)
def test_a_wrong_value_is_said_without_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    if name.startswith("BOT"):
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    else:
        monkeypatch.setenv("TELEGRAM_API_ID", "77")
        monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    monkeypatch.setenv(f"TELEGRAM_{name}", value)
    with pytest.raises(ValueError, match=words) as caught:
        live_settings()
    assert "hunter2" not in str(caught.value)


def test_a_bot_takes_the_place_of_a_session_and_both_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    found = live_settings()
    assert isinstance(found, BotSettings)
    assert found.bot_id == 123456
    monkeypatch.setenv("TELEGRAM_API_ID", "77")
    with pytest.raises(ValueError, match="leave one out"):
        live_settings()
