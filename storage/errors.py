"""The errors of the storage package: one root, and one class for each decision of a caller."""

from __future__ import annotations

from engine.safe_text import shown

__all__ = [
    "BrokerError",
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
    """A data store failed to do what it was asked. The text may contain words from outside."""

    def __str__(self) -> str:
        return shown(super().__str__())


# ── database ─────────────────────────────────────────────────────────────────


class DatabaseUnavailableError(StorageError):
    """The database is down, frozen, failing over or out of space. The same call may work later.

    ``connection_lost`` is True when a working connection broke. Then an immediate retry on a new connection is
    useful.
    """

    def __init__(self, message: str, *, connection_lost: bool = False) -> None:
        super().__init__(message)
        self.connection_lost = connection_lost


class DatabaseMisconfiguredError(StorageError):
    """A table, column, right or extension is missing. The deployment is at fault, never a message."""


class RowsRefusedError(StorageError):
    """The driver or the database refuses a value in these rows. Other rows of them may be accepted alone."""


# ── gateway ──────────────────────────────────────────────────────────────────


class GatewayError(StorageError):
    """A call to the gateway failed in a way that indicates its health."""


class GatewayUnreachableError(GatewayError):
    """There was no connection: it was refused or reset, or the host is unknown."""


class GatewayTimeoutError(GatewayError):
    """There was no complete answer within the deadline."""


class GatewayStatusError(GatewayError):
    """An HTTP status other than success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class GatewayUnauthorizedError(GatewayStatusError):
    """401 or 403: the API key is missing or wrong. A retry does not help; a person must act."""


class GatewayRateLimitedError(GatewayError):
    """429: no outage, and no failure for the breaker. The next call may be made after ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class GatewayAnswerError(GatewayError):
    """A success status with an unusable answer: no JSON, a wrong shape, or too large. Also a redirect."""


# ── Redis ────────────────────────────────────────────────────────────────────


class RedisUnavailableError(StorageError):
    """Redis did not answer, or did not answer as a master or replica should."""


# ── broker ───────────────────────────────────────────────────────────────────


class BrokerError(StorageError):
    """RabbitMQ cannot be used now, or did not confirm what it was sent. The same call may work later."""
