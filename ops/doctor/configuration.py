"""Settings that are valid but risky. Invalid settings end the command before any check."""

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
    """Check the settings and the ``.env`` file."""
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
            f"{', '.join(key.name for key in short)}: fewer than {SHORTEST_KEY} characters; a program on this"
            " machine can guess them",
            "use longer keys (openssl rand -hex 32)",
        )
    if keys:
        return ok(name, f"set: {', '.join(f'{key.name} ({key.scope})' for key in keys)}")
    if http.host in LOOPBACK_HOSTS:
        return ok(name, f"no key is set, and HOST={http.host} is reachable only from this machine")
    return warn(
        name,
        f"no key is set, HOST={http.host} is reachable from outside, and TP_CAPITAL_ALLOW_OPEN=1 lets everyone write",
        "set TP_CAPITAL_API_KEY (openssl rand -hex 32) and remove TP_CAPITAL_ALLOW_OPEN, or set HOST=127.0.0.1",
    )


def _names(around: CheckContext) -> CheckResult:
    notes = setting_notes(around.folder / ".env")
    if not notes:
        return ok("configuration.names", "all setting names are known")
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
    # the group may be the daemon's own, so only access by others counts
    if mode & stat.S_IRWXO:
        return warn(name, f"every user of this machine can access .env (mode {mode:03o})", "chmod 600 .env")
    return ok(name, "other users cannot access .env")
