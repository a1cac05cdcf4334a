"""Helpers that commands share: loading settings, finding the daemon, binding the port, ending with an error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from config import ConfigurationError, Settings, load_settings
from engine.safe_text import keep_hidden
from ops.client import daemon_url, is_daemon_of
from ops.exit_codes import EXIT_FAILED, EXIT_USAGE
from ops.http.server.listening import Listening, explain_listening
from ops.instants import read_iso
from ops.local.keys import FOLDERS, key_of_local_daemon, settings_of, take_settings
from ops.logging import configure_logging
from ops.setting_names import setting_notes
from ops.terminal import say

__all__ = [
    "Since",
    "System",
    "daemon_and_key",
    "listen",
    "quiet_logs",
    "settings_for_database",
    "settings_of_system",
    "stop",
    "take_system",
    "tell_setting_notes",
    "usable_settings",
]


def _instant(text: str) -> datetime | date:
    """Parse ISO 8601. A time without a zone is UTC."""
    try:
        return read_iso(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is not ISO 8601, such as 2026-11-20, 2026-11-20T08:30:00 or 2026-11-20T08:30:00Z"
        ) from None


Since = Annotated[
    date | None,  # typer takes no union; an instant is a date too
    typer.Option(
        parser=_instant,
        metavar="ISO 8601",
        help="Only messages since this time (UTC if it has no zone) or this day (in TP_CAPITAL_TIMEZONE).",
    ),
]


System = Annotated[
    Literal["demo", "stack"] | None,
    typer.Option(
        "--in", help="Use the demo or the stack that runs in this folder, whatever the settings say."
    ),
]


def _in(name: str, _: dict[str, str]) -> str:
    return f"--in {name}"


def usable_settings(*, told: bool = True) -> Settings:
    """Return the settings, or end the command with all their problems.

    Notes on unknown names are printed with the problems, and with ``told`` also for valid settings.
    """
    try:
        settings = load_settings()
    except ConfigurationError as error:
        tell_setting_notes()
        stop(EXIT_USAGE, *error.problems)
    keep_hidden(settings.secrets())
    if told:
        tell_setting_notes()
    return settings


def settings_for_database(system: str | None) -> Settings:
    """Return the settings, or those of the demo or stack that runs in this folder if the settings name no database."""
    settings = usable_settings()
    return usable_settings(told=False) if take_system(settings, system) else settings


def take_system(settings: Settings, system: str | None) -> bool:
    """Take the settings of the demo or stack that runs in this folder, if these settings name no database.

    With ``system`` take its settings in any case. Return whether any were taken.
    """
    named = settings.database.model_fields_set & {"url", "host", "port", "name"}
    if named and system is None:
        return False
    own = settings_of_system(system, having="TP_CAPITAL_DATABASE_URL")
    if own:
        take_settings(own)
    return bool(own)


def settings_of_system(
    system: str | None, *, having: str, choice: Callable[[str, dict[str, str]], str] = _in
) -> dict[str, str]:
    """Return the settings of the demo or stack that runs in this folder, if they have the one named ``having``.

    Without ``system`` there must not be two; ``choice`` returns the option that chooses one of them. If there is none,
    there are no settings.
    """
    found = {name: own for name in FOLDERS if having in (own := settings_of(name))}
    if system is not None and system not in found:
        stop(EXIT_USAGE, f"{FOLDERS[system]} has no {having}: no {system} runs here, or it has no such part")
    if system is None and len(found) > 1:
        choices = " or ".join(choice(name, own) for name, own in found.items())
        stop(EXIT_USAGE, f"the {' and the '.join(found)} run in this folder: choose with {choices}")
    for name in [system] if system else found:
        say(f"tp-capital: using the {name} of this folder", err=True)
        return found[name]
    return {}


def tell_setting_notes(env_file: Path | None = Path(".env")) -> None:
    """Print notes on unknown names and lines in the environment and the file. An unreadable file is skipped."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for note in setting_notes(env_file):
            say(f"tp-capital: {note}", err=True)


def daemon_and_key(url: str | None) -> tuple[str, str | None]:
    """Return the daemon's address and the key for it. Without ``url``, the settings give the address.

    If they give none, it is that of the demo or stack that runs in this folder. A demo or stack of this folder at that address has its own key. Otherwise the key from the settings is sent, but
    only to the daemon that the settings describe.
    """
    if url is None:
        settings = usable_settings()
        if not settings.http.model_fields_set & {"host", "port"}:
            url = _url_of_system()
        url = url or daemon_url(settings)
    else:
        try:
            settings = load_settings()
        except ConfigurationError:
            return url, key_of_local_daemon(url)  # invalid settings must not prevent asking another daemon
        keep_hidden(settings.secrets())
        tell_setting_notes()
    keys = settings.http.all_keys() if is_daemon_of(settings, url) else ()
    best = next((key for key in keys if key.scope == "write"), keys[0] if keys else None)
    return url, key_of_local_daemon(url) or (best.secret if best else None)


def _url_of_system() -> str | None:
    """Return the address of the engine of the demo or stack that runs in this folder."""

    def url(own: dict[str, str]) -> str:
        return f"http://127.0.0.1:{own['PORT']}"

    own = settings_of_system(None, having="PORT", choice=lambda _, own: f"--url {url(own)}")
    return url(own) if own else None


def quiet_logs() -> None:
    """Hide the log lines of storage and libraries. The command itself reports failures."""
    configure_logging(level="CRITICAL", form="console", stream=sys.stderr)


def listen(host: str, port: int) -> Listening:
    """Bind the port, or end the command with the reason."""
    try:
        return Listening(host, port)
    except OSError as error:
        cause, remedy = explain_listening(error)
        stop(EXIT_FAILED, f"cannot listen on {host} port {port}: {cause}; {remedy}")


def stop(code: int, *lines: str) -> NoReturn:
    """Print the lines to standard error, and exit with ``code``."""
    for line in lines:
        say(f"tp-capital: {line}", err=True)
    raise typer.Exit(code)
