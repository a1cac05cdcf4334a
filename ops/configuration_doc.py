"""docs/configuration.md, written from the settings: ``make docs``. A test fails when it is not current."""

from __future__ import annotations

from pathlib import Path

from ops.configuration import Setting, SettingGroup, setting_groups

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

`tp-capital init-env` writes a `.env` with generated secrets and every setting below.
"""

_TAIL = """\
## Of single commands

Read from the environment alone.

| variable | command | meaning |
| --- | --- | --- |
| `TP_CAPITAL_RESTORE_DATABASE_URL` | `restore` | database to restore into; by default that of the owner |
| `TP_CAPITAL_LEGACY_DATABASE_URL` | `migrate-data` | database with the former service's table |
| `TELEGRAM_GATEWAY_DATABASE_URL` | `gateway` | database of the reference gateway; `TELEGRAM_GATEWAY_DATABASE_URL_FILE` too |
| `TELEGRAM_GATEWAY_API_KEY` | `gateway` | the key it asks for; `TELEGRAM_GATEWAY_API_KEY_FILE` too, read again on `SIGHUP` |
| `TELEGRAM_GATEWAY_ALLOWED_HOSTS` | `gateway` | names it is asked by; without any: addresses, and the machine's own names |
| `TELEGRAM_GATEWAY_ALLOW_OPEN` | `gateway` | `1`: run without a key though others reach it |
| `NOTIFY_SOCKET`, `WATCHDOG_USEC` | `run` | set by systemd |
"""


def configuration_page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(_section(group) for group in setting_groups()), _TAIL])


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
