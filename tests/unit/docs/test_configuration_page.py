"""docs/configuration.md says what the settings are, today."""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from config import Settings
from ops.cli import app
from ops.configuration import Setting, setting_groups
from ops.configuration_doc import PAGE, configuration_page

SETTINGS = [setting for group in setting_groups() for setting in group.settings]


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == configuration_page(), "settings have changed: run `make docs`"


def test_no_group_of_settings_is_left_out() -> None:
    hints = typing.get_type_hints(Settings)
    fields = sum(len(hints[field.name].model_fields) for field in dataclasses.fields(Settings))
    assert len(SETTINGS) == fields


def variables(command: Any) -> Iterator[str]:
    """Yield the variables that options of a command, or of those under it, are read from."""
    yield from (option.envvar for option in command.params if option.envvar)
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from variables(command.get_command(context, name))


def test_no_variable_of_a_single_command_is_left_out() -> None:
    found = set(variables(typer.main.get_command(app)))
    assert "TP_CAPITAL_RESTORE_DATABASE_URL" in found
    assert {name for name in found if f"`{name}`" not in configuration_page()} == set()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_variable_and_a_meaning(setting: Setting) -> None:
    assert setting.name.isupper()
    assert len(setting.meaning) > 8
    assert "|" not in setting.meaning + setting.limits


@pytest.mark.parametrize(
    ("name", "names", "default", "limits", "secret"),
    [
        ("PORT", ("PORT",), "4008", "a whole number, 1 to 65535", False),
        (
            "CIRCUIT_BREAKER_ERROR_THRESHOLD",
            ("CIRCUIT_BREAKER_ERROR_THRESHOLD",),
            *("50", "a number, above 0 to 100", False),
        ),
        ("REDIS_ENABLED", ("REDIS_ENABLED",), "0", "`0` or `1`", False),
        ("LOG_FORMAT", ("LOG_FORMAT",), "", "`json` or `console`", False),
        ("TP_CAPITAL_API_KEY", ("TP_CAPITAL_API_KEY", "API_SECRET_TOKEN"), "", "secret", True),
        (
            "TP_CAPITAL_SIGNALS_CHANNEL_ID",
            ("TP_CAPITAL_SIGNALS_CHANNEL_ID", "SIGNALS_CHANNEL_ID"),
            *("-1001649127710", "comma-separated, at least 1", False),
        ),
        (
            "TP_CAPITAL_DB_PASSWORD",
            ("TP_CAPITAL_DB_PASSWORD", "TIMESCALEDB_PASSWORD", "NEON_PASSWORD"),
            *("", "secret", True),
        ),
    ],
)
def test_a_setting_is_told_as_its_model_has_it(
    name: str, names: tuple[str, ...], default: str, limits: str, secret: bool
) -> None:
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    told = (setting.names, setting.default, setting.limits, setting.secret)
    assert told == (names, default, limits, secret)
