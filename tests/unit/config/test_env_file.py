"""``.env`` as a shell would read it; names that mean nothing are told."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from config import ConfigurationError, load_settings
from config.former import FORMER
from ops.configuration import setting_groups
from ops.setting_names import setting_notes
from storage.postgres.connect_failures import explain, name_settings


def put(text: str) -> None:
    Path(".env").write_text(text, "utf-8")


def test_fault_68_a_value_between_single_quotes_is_literal(environment: Any) -> None:
    environment(x="replaced")
    put("TP_CAPITAL_DB_PASSWORD='p${x}y'\nTP_CAPITAL_DB_USER=u${x}\nexport TP_CAPITAL_DB_NAME = 'n$x${y}'\n")
    database = load_settings().database
    assert database.password is not None
    assert database.password.get_secret_value() == "p${x}y"
    assert (database.user, database.name) == ("ureplaced", "n$x${y}")


def test_fault_68_an_unreadable_line_is_told_once_with_its_number(caplog: pytest.LogCaptureFixture) -> None:
    put("PORT=5000\n\n# a comment\nwhat is this?\nLOG_FORMAT=console\n")
    with caplog.at_level(logging.DEBUG):
        settings = load_settings()
    assert (settings.http.port, settings.log.format) == (5000, "console")
    assert caplog.records == []
    assert setting_notes() == [".env line 4 cannot be read: it must have the form NAME=value"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("TP_CAPITAL_DATABASE_URLL", "TP_CAPITAL_DATABASE_URL"),
        ("TP_CAPITAL_DB_PASSWORT", "TP_CAPITAL_DB_PASSWORD"),
        ("TP_CAPITAL_API_KEY_FILES", "TP_CAPITAL_API_KEY_FILE"),
        ("tp_capital_pool_maxx", "TP_CAPITAL_POOL_MAX"),
        ("GATEWAY_POLING_INTERVAL_MS", "GATEWAY_POLLING_INTERVAL_MS"),
    ],
)
def test_fault_71_an_unknown_name_is_told_with_its_nearest(environment: Any, name: str, nearest: str) -> None:
    environment(**{name: "hunter22"})
    (note,) = setting_notes()
    assert name in note
    assert re.search(rf"\b{nearest}$", note)
    assert "hunter22" not in note
    put(f"{name}=hunter22\n")
    assert len(setting_notes()) == 2


def test_fault_71_a_name_of_ours_near_nothing_is_told_and_another_programs_is_not(environment: Any) -> None:
    environment(TP_CAPITAL_QQQ="1", GATEWAY_NAME="x", PATH="/bin", HOME="/")
    assert setting_notes() == ["TP_CAPITAL_QQQ in the environment: there is no such setting"]


def test_fault_71_every_setting_is_known_by_itself(environment: Any) -> None:
    names = [setting.name for group in setting_groups() for setting in group.settings]
    environment(**dict.fromkeys(names, "1"))
    assert setting_notes() == []


def test_fault_71_older_names_are_taken_with_a_line(environment: Any) -> None:
    older = {
        "TP_CAPITAL_GATEWAY_POLLING_INTERVAL_MS": "700",
        "TP_CAPITAL_GATEWAY_BATCH_SIZE": "7",
        "GATEWAY_FILTER_TEXT_NOT_CONTAINS": "promo, bônus",
        "RATE_LIMIT_MAX": "77",
        "API_SECRET_TOKEN": "hunter22",
    }
    assert set(older) == set(FORMER)
    environment(**older, LOG_LEVEL="warn")
    settings = load_settings()
    assert (settings.gateway.polling_interval_ms, settings.gateway.batch_size) == (700, 7)
    assert settings.engine.text_filter == ("promo", "bônus")
    assert (settings.http.rate_limit_max, settings.log.level) == (77, "WARNING")
    assert settings.http.api_key is not None
    notes = setting_notes()
    assert len(notes) == len(older)
    assert all(FORMER[name] in note for name, note in zip(sorted(older), notes, strict=True))
    environment(GATEWAY_BATCH_SIZE="8")
    assert load_settings().gateway.batch_size == 8


@pytest.mark.parametrize("given", ["environment", ".env"])
def test_fault_67_a_host_that_has_no_address_is_told_with_where_it_came_from(
    environment: Any, given: str
) -> None:
    if given == "environment":
        environment(HOST="x86_64-conda-linux-gnu")
    else:
        put("HOST=x86_64-conda-linux-gnu\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert "has no address" in problem
    assert f"from {'the environment' if given == 'environment' else '.env'}" in problem
    assert "KEY" not in problem


@pytest.mark.parametrize(
    ("given", "host", "name", "password"),
    [
        ({"TP_CAPITAL_DATABASE_URL": "postgresql://h/d"}, *["TP_CAPITAL_DATABASE_URL"] * 3),
        (
            {"TP_CAPITAL_DB_STRATEGY": "neon", "NEON_HOST": "h", "NEON_PASSWORD": "x"},
            *("NEON_HOST and TP_CAPITAL_DB_PORT", "TP_CAPITAL_DB_NAME", "NEON_PASSWORD"),
        ),
        (
            {"TIMESCALEDB_HOST": "h", "TIMESCALEDB_PORT": "1"},
            *("TIMESCALEDB_HOST and TIMESCALEDB_PORT", "TP_CAPITAL_DB_NAME", "TP_CAPITAL_DB_PASSWORD"),
        ),
    ],
)
def test_fault_72_remedies_name_what_was_really_set(
    environment: Any, given: dict[str, str], host: str, name: str, password: str
) -> None:
    environment(**given)
    name_settings(load_settings().database.places)
    for failure, remedy in (
        ("Connection refused", f"start the database or its pooler, or set host and port: {host}"),
        ('FATAL:  database "d" does not exist', f"set another one in {name}, or make it"),
        ("fe_sendauth: no password supplied", f"set it in {password}"),
    ):
        known = explain(failure)
        assert known is not None
        assert known.remedy.startswith(remedy)
