"""``migrate``: the schema, brought up to date by its owner."""

from __future__ import annotations

from engine.timers import TimerThread
from ops.commands.common import stop, usable_settings
from ops.daemon.stores import migrate_as_owner
from ops.exit_codes import EXIT_FAILED
from ops.terminal import say
from storage.errors import StorageError

__all__ = ["migrate_schema"]


def migrate_schema() -> None:
    """Bring the schema up to date. Idempotent, and safe to run twice at once."""
    settings = usable_settings().database
    timers = TimerThread()
    try:
        applied = migrate_as_owner(settings, timers=timers)
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot migrate: {error}")
    finally:
        timers.close()
    say(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
