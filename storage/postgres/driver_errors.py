"""Translates errors of the driver and the server into the errors of ``storage/errors.py``."""

from __future__ import annotations

import psycopg

from storage.errors import (
    DatabaseMisconfiguredError,
    DatabaseUnavailableError,
    RowsRefusedError,
    StorageError,
)
from storage.postgres.connect_failures import ADDRESS, with_remedy

__all__ = ["translate"]

#: SQLSTATE classes and states that a value of a row can cause (ARCHITECTURE, failure table)
_ROW_STATES = ("21", "22", "23", "54")
#: the server cannot serve now: connection, read-only standby, rollback, resources, shutdown or system
_TRANSIENT_STATES = ("08", "25006", "25P03", "25P04", "40", "53", "55", "57", "58")
_READ_ONLY = (
    "a standby: set the address of the primary; or a setting: alter role ... reset default_transaction_read_only,"
    " and the same for the database"
)
#: with these states the server ends our connection: it stops or restarts, or a transaction exceeded the role's
#: limit on its idle time or duration
_ENDING_STATES = ("57P0", "25P03", "25P04")
#: this session takes no writes, but another one may
_READ_ONLY_STATE = "25006"


def translate(error: Exception, *, setting: str = ADDRESS) -> StorageError | None:
    """Return our error for a driver error. Return None if it does not come from the driver, or is a bug of ours.

    ``setting`` is the setting that holds the address. The remedy of a failed connection names it.

    The driver itself refuses a NUL byte, with a DataError without SQLSTATE, and a lone surrogate, with an encoding
    error. The server never sees them.
    """
    if isinstance(error, UnicodeEncodeError):
        return RowsRefusedError(f"not encodable: {error.reason}")
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate
    row = state is not None and state.startswith(_ROW_STATES)
    text = " ".join(_words(error, row=row).split())[:300] or type(error).__name__
    if state is None:
        if isinstance(error, psycopg.DataError):
            return RowsRefusedError(text)
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return DatabaseUnavailableError(
                with_remedy(str(error), setting=setting) or text, connection_lost=True
            )
        return DatabaseMisconfiguredError(text)
    if row:
        return RowsRefusedError(f"{state}: {text}")
    if state == "25006":
        text = f"{text} ({_READ_ONLY})"
    if state.startswith(_TRANSIENT_STATES):
        return DatabaseUnavailableError(
            f"{state}: {text}", connection_lost=state.startswith((*_ENDING_STATES, _READ_ONLY_STATE))
        )
    return DatabaseMisconfiguredError(f"{state}: {text}")


def _words(error: psycopg.Error, *, row: bool) -> str:
    """Return the server's message without its context. The context quotes data, and texts do not belong in a log.

    For a refused row the detail is left out too, because it may hold the whole row.
    """
    said = error.diag
    if said.message_primary is None:
        return str(error)
    more = () if row else (said.message_detail, said.message_hint)
    return ". ".join(part.rstrip(".") for part in (said.message_primary, *more) if part)
