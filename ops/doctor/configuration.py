"""Settings that are allowed, yet need a word. Those that are not end the command before any check."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from config.fields import LOOPBACK_HOSTS
from config.http import short_keys
from config.keys import SHORTEST_KEY
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, ok, skipped, warn
from ops.setting_names import setting_notes

__all__ = ["examine_configuration"]


def examine_configuration(around: CheckContext) -> Iterator[CheckResult]:
    """Look at settings and their file."""
    described = around.settings.describe()
    yield ok(
        "configuration.settings",
        f"strategy {described['dbStrategy']}, database {described['database']}, gateway {described['gateway']}",
    )
    yield _names(around)
    yield _api_key(around)
    yield _env_file(around)


def _api_key(around: CheckContext) -> CheckResult:
    name = "configuration.api_key"
    http = around.settings.http
    keys = http.all_keys()
    if short := short_keys(keys):
        return warn(
            name,
            f"{', '.join(key.name for key in short)}: fewer than {SHORTEST_KEY} characters, which a program of this"
            " machine can guess",
            "take longer ones (openssl rand -hex 32)",
        )
    if keys:
        return ok(name, f"set: {', '.join(f'{key.name} ({key.scope})' for key in keys)}")
    if http.host in LOOPBACK_HOSTS:
        return ok(name, f"none is set, and HOST={http.host} is reached from this machine only")
    return warn(
        name,
        f"none is set, HOST={http.host} is reachable from outside, and TP_CAPITAL_ALLOW_OPEN=1 lets everyone write",
        "set TP_CAPITAL_API_KEY (openssl rand -hex 32) and leave TP_CAPITAL_ALLOW_OPEN out, or HOST=127.0.0.1",
    )


def _names(around: CheckContext) -> CheckResult:
    notes = setting_notes(around.folder / ".env")
    if not notes:
        return ok("configuration.names", "every name that is set is known")
    return warn(
        "configuration.names",
        "; ".join(notes),
        "correct or remove them; docs/configuration.md lists every setting",
    )


def _env_file(around: CheckContext) -> CheckResult:
    name = "configuration.env_file"
    path = around.folder / ".env"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return skipped(name, "there is no .env here")
    # its group may be the daemon's own
    if mode & stat.S_IRWXO:
        return warn(name, f".env is open to every user of this machine (mode {mode:03o})", "chmod 600 .env")
    return ok(name, ".env is closed to other users")
