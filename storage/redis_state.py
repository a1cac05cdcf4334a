"""What a Redis server says of itself. It stands apart from the client, whose library takes 0.3 s to import."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RedisState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """The state that one server reported. ``error`` is None when it is as expected.

    ``has_its_role``: it answers and has the expected role. A replica that is not in sync has its role too.
    """

    role: str | None
    error: str | None
    has_its_role: bool
