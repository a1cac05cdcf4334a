"""What an error of the driver or the server means for whoever called."""

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
#: the server cannot serve now: connection, read-only standby, rollback, resources, shutdown, system
_TRANSIENT_STATES = ("08", "25006", "25P03", "25P04", "40", "53", "55", "57", "58")
_READ_ONLY = (
    "a standby: set the address of the primary; or a setting: alter role ... reset default_transaction_read_only,"
    " and the same for the database"
)
#: with these the server ends our connection: it stops or restarts, or the role's limit on an idle
#: transaction or on a transaction's time was passed
_ENDING_STATES = ("57P0", "25P03", "25P04")
#: such a session takes no writes, another one may
_READ_ONLY_STATE = "25006"


def translate(error: Exception, *, setting: str = ADDRESS) -> StorageError | None:
    """Return what a driver error means for us; None when it is none of the driver's, or a bug of ours.

    ``setting`` is where the address is given, for the remedy of a connection that failed.

    The table is ARCHITECTURE's. A NUL byte or a lone surrogate is refused by the driver before the
    server sees it: the first as a DataError without SQLSTATE, the second as an encoding error.
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
    """Return what the server said, without the context, which quotes the data: texts do not belong into a log.

    Of a refused row not the detail either: it may hold the whole row.
    """
    said = error.diag
    if said.message_primary is None:
        return str(error)
    more = () if row else (said.message_detail, said.message_hint)
    return ". ".join(part.rstrip(".") for part in (said.message_primary, *more) if part)
