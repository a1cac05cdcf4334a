"""Secrets out of files: ``NAME_FILE``, systemd's credentials, and several keys in one setting (fault 59)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import ConfigurationError, load_settings

KEY = "0123456789abcdef-of-the-file"


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return caught.value.problems


def secret_file(folder: Path, text: str = f"{KEY}\n", name: str = "secret") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("TP_CAPITAL_API_KEY", lambda settings: settings.http.api_key),
        ("TELEGRAM_GATEWAY_API_KEY", lambda settings: settings.gateway.api_key),
        ("TP_CAPITAL_DB_PASSWORD", lambda settings: settings.database.password),
        ("TIMESCALEDB_PASSWORD", lambda settings: settings.database.password),
    ],
)
def test_fault_59_every_secret_can_stand_in_a_file_or_a_credential(
    environment: Any, tmp_path: Path, name: str, read: Any
) -> None:
    environment(**{f"{name}_FILE": secret_file(tmp_path)})
    assert read(load_settings()).get_secret_value() == KEY
    environment(**{f"{name}_FILE": ""}, CREDENTIALS_DIRECTORY=str(tmp_path))
    secret_file(tmp_path, "from-the-credential", name)
    assert read(load_settings()).get_secret_value() == "from-the-credential"


def test_a_whole_address_can_stand_in_a_file(environment: Any, tmp_path: Path) -> None:
    environment(TP_CAPITAL_DATABASE_URL_FILE=secret_file(tmp_path, "postgresql://u:s3cret@h/db\n"))
    assert "s3cret" in load_settings().secrets()


def test_a_setting_that_is_no_secret_is_read_from_no_file(environment: Any, tmp_path: Path) -> None:
    environment(PORT_FILE=secret_file(tmp_path, "4999"))
    assert load_settings().http.port == 4008


def test_the_environment_beats_the_env_file_and_both_beat_a_credential(
    environment: Any, tmp_path: Path
) -> None:
    secret_file(tmp_path, "from-the-credential", "TP_CAPITAL_API_KEY")
    Path(".env").write_text("TP_CAPITAL_API_KEY=from-dot-env\n")
    environment(CREDENTIALS_DIRECTORY=str(tmp_path))

    def key() -> str:
        found = load_settings().http.api_key
        assert found is not None
        return found.get_secret_value()

    assert key() == "from-dot-env"
    environment(TP_CAPITAL_API_KEY_FILE=secret_file(tmp_path, "from-the-file"))
    assert key() == "from-the-file"
    environment(TP_CAPITAL_API_KEY_FILE="", TP_CAPITAL_API_KEY="from-the-environment")
    assert key() == "from-the-environment"
    environment(TP_CAPITAL_API_KEY="")
    Path(".env").write_text(f"TP_CAPITAL_API_KEY_FILE={secret_file(tmp_path, 'from-its-file')}\n")
    assert key() == "from-its-file"


def test_a_file_that_cannot_be_used_is_named_and_what_it_holds_is_not(
    environment: Any, tmp_path: Path
) -> None:
    environment(
        TP_CAPITAL_API_KEY_FILE=str(tmp_path / "none"), TELEGRAM_GATEWAY_API_KEY_FILE=str(tmp_path), PORT="x"
    )
    told = problems()
    assert [line.partition(":")[0] for line in told] == [
        "TELEGRAM_GATEWAY_API_KEY_FILE",
        "TP_CAPITAL_API_KEY_FILE",
        "PORT",
    ]
    environment(
        PORT="", TELEGRAM_GATEWAY_API_KEY_FILE="", TP_CAPITAL_API_KEY_FILE=secret_file(tmp_path, "\n")
    )
    assert "is empty" in problems()[0]
    environment(TP_CAPITAL_API_KEY_FILE="/dev/zero")
    assert "larger than" in problems()[0]
    environment(TP_CAPITAL_API_KEY_FILE=secret_file(tmp_path, "s3cret with blanks"))
    (problem,) = problems()
    assert problem.startswith("TP_CAPITAL_API_KEY: must be printable ASCII")
    assert "s3cret" not in problem


def test_a_value_and_a_file_for_it_in_one_place_are_refused(environment: Any, tmp_path: Path) -> None:
    environment(TP_CAPITAL_API_KEY="s3cret", TP_CAPITAL_API_KEY_FILE=secret_file(tmp_path))
    assert problems() == (
        "TP_CAPITAL_API_KEY and TP_CAPITAL_API_KEY_FILE are both set in the environment: leave one of them out",
    )


# ── several keys ─────────────────────────────────────────────────────────────


def test_fault_59_several_keys_have_names_and_scopes(environment: Any, tmp_path: Path) -> None:
    lines = "# of the office\ngrafana:read:r-e:a-d   # a comment\n\nscripts:write:w-r-i-t-e\n"
    environment(TP_CAPITAL_API_KEY="alone", TP_CAPITAL_API_KEYS_FILE=secret_file(tmp_path, lines))
    settings = load_settings()
    assert [(key.name, key.scope, key.secret) for key in settings.http.all_keys()] == [
        ("default", "write", "alone"),
        ("grafana", "read", "r-e:a-d"),
        ("scripts", "write", "w-r-i-t-e"),
    ]
    assert {"alone", "r-e:a-d", "w-r-i-t-e"} <= set(settings.secrets())
    assert "r-e:a-d" not in repr(settings) + repr(settings.http.all_keys())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a:read:1,s3cret", "entry 2 must be name:read:key"),
        ("a:admin:s3cret", "entry 1 must be name:read:key"),
        ("a:read:s3cret,a:write:s3cret2", "the same name"),
        ("a:read:s3cret,b:write:s3cret", "the same key"),
        ("default:read:s3cret", "the name of TP_CAPITAL_API_KEY"),
        ("a:read:alone", "the key of TP_CAPITAL_API_KEY"),
        (" , ", "contains no key"),
    ],
)
def test_keys_that_cannot_be_used_are_told_without_a_key(environment: Any, value: str, said: str) -> None:
    environment(TP_CAPITAL_API_KEY="alone", TP_CAPITAL_API_KEYS=value)
    (problem,) = problems()
    assert said in problem
    assert "TP_CAPITAL_API_KEYS" in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"TP_CAPITAL_API_KEY": "a" * 15}, "TP_CAPITAL_API_KEY"),
        ({"TP_CAPITAL_API_KEYS": f"grafana:read:{'a' * 15}"}, "grafana of TP_CAPITAL_API_KEYS"),
    ],
)
def test_fault_59_off_loopback_a_key_that_can_be_guessed_is_refused(
    environment: Any, settings: dict[str, str], named: str
) -> None:
    environment(HOST="0.0.0.0", **settings)
    (problem,) = problems()
    assert named in problem
    assert "16 characters" in problem
    assert "aaa" not in problem
    environment(HOST="127.0.0.1")
    load_settings()
    environment(HOST="0.0.0.0", **{name: f"{value}a" for name, value in settings.items()})
    load_settings()
