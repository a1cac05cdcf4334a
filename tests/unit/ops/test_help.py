"""The help of every command: examples that work, and no type beside an option that takes no value."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from ops.cli import app, command_line
from ops.commands.examples import EXAMPLES

COMMAND = command_line()


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    if isinstance(command, TyperGroup):
        with typer.Context(command) as context:
            children = {name: command.get_command(context, name) for name in command.list_commands(context)}
        for name, child in children.items():
            yield from commands(child, (*words, name))


ALL = dict(commands(COMMAND))


def test_every_command_has_examples_and_there_are_no_others() -> None:
    assert {" ".join(words) for words in ALL} == EXAMPLES.keys()


@pytest.mark.parametrize(
    ("words", "example"), [(words, example) for words in ALL for example in EXAMPLES.get(" ".join(words), ())]
)
def test_an_example_is_a_call_of_its_command(words: tuple[str, ...], example: str) -> None:
    given = shlex.split(example)
    if words:
        assert tuple(given[: len(words)]) == words
    depth = next(n for n in range(len(given), -1, -1) if tuple(given[:n]) in ALL)
    command = ALL[tuple(given[:depth])]
    # refuses an option that there is not, and a value that it does not take
    with typer.Context(command, **command.context_settings) as context:
        command.make_parser(context).parse_args(given[depth:])


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_no_type_stands_beside_an_option_that_takes_no_value(words: tuple[str, ...]) -> None:
    command = ALL[words]
    with typer.Context(command) as context:
        flags = [one for one in command.get_params(context) if getattr(one, "is_flag", False)]
    assert flags
    assert {flag.metavar for flag in flags} == {""}


@pytest.mark.parametrize(
    ("typed", "meant"), [(["stauts"], "status"), (["stack", "dwon"], "down"), (["channels", "ad"], "add")]
)
def test_an_unknown_command_is_answered_with_the_nearest(typed: list[str], meant: str) -> None:
    result = CliRunner().invoke(app, typed)
    assert (result.exit_code, f"'{meant}'" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "typed",
    [
        ["--nope"],
        ["demo", "--nope"],
        ["zzz"],
        ["channels", "add"],
        ["demo", "--port", "x"],
        ["stack", "up", "a"],
    ],
)
def test_wrong_use_is_told_in_one_line(typed: list[str]) -> None:
    result = CliRunner().invoke(app, typed)
    (line,) = result.stderr.splitlines()
    assert (result.exit_code, line.startswith("tp-capital: ")) == (2, True)


def test_a_group_without_a_command_shows_its_help() -> None:
    for words in (
        name for name, one in ALL.items() if isinstance(one, TyperGroup) and name[:1] != ("gateway",)
    ):
        assert "Usage:" in CliRunner().invoke(app, list(words)).output


def test_a_shell_can_complete_commands() -> None:
    shown = CliRunner().invoke(
        app,
        [],
        prog_name="tp-capital",
        env={"_TP_CAPITAL_COMPLETE": "complete_bash", "COMP_WORDS": "tp-capital chan", "COMP_CWORD": "1"},
    )
    assert shown.stdout.split() == ["channels"]
