"""``migrate``: brings the schema up to date with the owner's role."""

from __future__ import annotations

from engine.timers import TimerThread
from ops.commands.common import stop, usable_settings
from ops.daemon.stores import migrate_as_owner
from ops.exit_codes import EXIT_FAILED
from ops.terminal import say
from storage.errors import StorageError

__all__ = ["migrate_schema"]


def migrate_schema() -> None:
    """Bring the schema up to date. It is idempotent, and two runs at the same time are safe."""
    settings = usable_settings().database
    timers = TimerThread()
    try:
        applied = migrate_as_owner(settings, timers=timers)
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot migrate: {error}")
    finally:
        timers.close()
    say(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
