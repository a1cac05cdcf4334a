"""docs/configuration.md, written from the settings: ``make docs``. A test fails when it is not current."""

from __future__ import annotations

from pathlib import Path

from ops.configuration import OF_COMMANDS, Setting, SettingGroup, setting_groups

__all__ = ["configuration_page"]

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

_HEAD = """\
# Configuration

<!-- Written by `make docs` from config/; change the descriptions there. -->

Settings are read from the environment, then from `.env` in the folder a command is started in, for what the
environment lacks. An empty variable counts as an unset one. Where several names stand in a row the first that is set
wins: the later ones are those of the older deployment, `TIMESCALEDB_*` with the strategy `timescale` and `NEON_*` with
`neon`. A wrong setting is said in one line each, all at once, and exits with 2.

A secret can stand in a file of its own: for each `NAME` below whose values say "secret", `NAME_FILE` names the file
that holds it. systemd's credentials are read too: `LoadCredential=NAME:/path` in the unit is enough. The environment
beats `.env`, and both beat a credential; `NAME` and `NAME_FILE` in one place are refused. `SIGHUP` makes a running
daemon read its API keys again.

A name that begins with `TP_CAPITAL_` and is none of these, or one that is almost one of these, is told with the nearest
known one by every command, by `doctor` and in the log of `run`; so is a line of `.env` that cannot be read. In `.env` a
value between single quotes is taken as it stands; elsewhere `${NAME}` is replaced.

`tp-capital init-env` writes a `.env` with generated secrets and every setting below.
"""

_TAIL = """\
## Of single commands

Read from the environment alone.

| variable | command | meaning |
| --- | --- | --- |
"""


def configuration_page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(_section(group) for group in setting_groups()), _TAIL + _of_commands()])


def _of_commands() -> str:
    return "".join(f"| `{name}` | `{command}` | {meaning} |\n" for name, command, meaning in OF_COMMANDS)


def _section(group: SettingGroup) -> str:
    rows = "\n".join(_row(setting) for setting in group.settings)
    head = "| variable | default | values | meaning |\n| --- | --- | --- | --- |"
    return f"## {group.title}\n\n{group.about}\n\n{head}\n{rows}\n"


def _row(setting: Setting) -> str:
    names = "<br>".join(f"`{name}`" for name in setting.names)
    default = f"`{setting.default}`" if setting.default else ""
    return f"| {names} | {default} | {setting.limits} | {setting.meaning} |"


if __name__ == "__main__":
    PAGE.write_text(configuration_page(), encoding="utf-8")
