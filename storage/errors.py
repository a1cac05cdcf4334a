"""The errors of this room: one root, one class per decision a caller takes."""

from __future__ import annotations

from engine.shown import shown

__all__ = [
    "DatabaseMisconfiguredError",
    "DatabaseUnavailableError",
    "GatewayAnswerError",
    "GatewayError",
    "GatewayRateLimitedError",
    "GatewayStatusError",
    "GatewayTimeoutError",
    "GatewayUnauthorizedError",
    "GatewayUnreachableError",
    "RedisUnavailableError",
    "RowsRefusedError",
    "StorageError",
]


class StorageError(Exception):
    """Something that holds data for us did not do what it was asked. Its text may hold outside words."""

    def __str__(self) -> str:
        return shown(super().__str__())


# ── database ─────────────────────────────────────────────────────────────────


class DatabaseUnavailableError(StorageError):
    """The database is down, frozen, failing over or out of room: the same call may work later.

    ``connection_lost`` is True when a connection that had worked broke: trying once more on a new one
    is worth it at once.
    """

    def __init__(self, message: str, *, connection_lost: bool = False) -> None:
        super().__init__(message)
        self.connection_lost = connection_lost


class DatabaseMisconfiguredError(StorageError):
    """A table, column, right or extension is missing: the deployment's fault, never a message's."""


class RowsRefusedError(StorageError):
    """The driver or the database refuses a value of these rows: alone, each may be accepted."""


# ── gateway ──────────────────────────────────────────────────────────────────


class GatewayError(StorageError):
    """A call to the gateway failed in a way that speaks of its health."""


class GatewayUnreachableError(GatewayError):
    """No connection: refused, reset, no such host."""


class GatewayTimeoutError(GatewayError):
    """No whole answer within the deadline."""


class GatewayStatusError(GatewayError):
    """An HTTP status other than success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class GatewayUnauthorizedError(GatewayStatusError):
    """401 or 403: the API key is missing or wrong. Trying again does not help; a person must act."""


class GatewayRateLimitedError(GatewayError):
    """429: not an outage, and no failure for the breaker. ``retry_after_s`` seconds are to pass."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class GatewayAnswerError(GatewayError):
    """A success status with an answer we cannot use: no JSON, wrong shape, too large, elsewhere."""


# ── Redis ────────────────────────────────────────────────────────────────────


class RedisUnavailableError(StorageError):
    """Redis did not answer, or not as a master or replica should."""
