"""Writes docs/configuration.md from the settings (``make docs``). A test fails if the page is outdated."""

from __future__ import annotations

from pathlib import Path

from ops.configuration import OF_COMMANDS, Setting, SettingGroup, setting_groups

__all__ = ["configuration_page"]

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

_HEAD = """\
# Configuration

<!-- Written by `make docs` from config/; change the descriptions there. -->

Settings are read from the environment. Settings that are missing there are read from `.env` in the working folder of
the command. An empty variable counts as unset. If a row lists several names, the first one that is set wins. The later
names come from the older deployment: `TIMESCALEDB_*` with the strategy `timescale`, and `NEON_*` with `neon`. Invalid
settings are reported together, one line each, and the command exits with 2.

A secret can be stored in a file: for each `NAME` below whose values say "secret", `NAME_FILE` names the file. systemd's
credentials are read too: `LoadCredential=NAME:/path` in the unit is enough. The environment takes precedence over
`.env`, and both take precedence over a credential. Setting both `NAME` and `NAME_FILE` in one place is an error.
`SIGHUP` makes a running daemon read its API keys again.

Every command, `doctor` and the log of `run` report an unknown name that begins with `TP_CAPITAL_` or almost equals a
known name, together with the nearest known name. They also report a line of `.env` that cannot be read. In `.env`, a
value in single quotes is taken literally; in other values, `${NAME}` is replaced.

`tp-capital init-env` writes a `.env` with generated secrets and all settings below.
"""

_TAIL = """\
## Settings of single commands

These are read from the environment only.

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
