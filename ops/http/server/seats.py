"""Who has how many connections: bounds of all, of one address, and a reserve on which probes alone are answered."""

from __future__ import annotations

import resource
from collections.abc import Collection
from dataclasses import dataclass

from ops.http.kit.operations import API_PREFIX

__all__ = ["PROBES", "ConnectionLimits", "Seat", "has_room"]

#: never limited and never behind a key: who restarts the process asks here
PROBES = frozenset(
    prefix + path
    for prefix in ("", API_PREFIX)
    for path in ("/health", "/healthz", "/livez", "/ready", "/readyz")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one connection may take; times in seconds, from the first byte to the last of each part.

    ``write_s`` is for 64 KiB that the client does not read. ``discard_bytes`` of a refused body are read, so
    that the client sees why.
    """

    connections: int
    #: of one address (of one network for IPv6), and of one that many clients share: a trusted proxy, this machine
    per_address: int | None = None
    per_shared_address: int | None = None
    #: connections beyond these bounds, on which nothing but probes is answered, and how long their heads may take
    reserve: int = 32
    reserve_head_s: float = 2.0
    head_s: float = 10.0
    body_s: float = 30.0
    write_s: float = 60.0
    url_bytes: int = 8 * 1024
    head_bytes: int = 32 * 1024
    headers: int = 100
    discard_bytes: int = 1024 * 1024

    @classmethod
    def of_this_process(cls) -> ConnectionLimits:
        """Return limits with room for half as many connections as the process may open files."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = 2000 if files == resource.RLIM_INFINITY else max(16, min(2000, files // 2))
        return cls(
            connections=most,
            per_address=max(8, most // 4),
            per_shared_address=max(12, 3 * most // 4),
            reserve=max(4, min(32, most // 8)),
        )


@dataclass(eq=False, slots=True, kw_only=True)
class Seat:
    """One connection. ``group`` and ``site`` stand for its address as in :class:`Requester`."""

    group: str
    site: str
    shared: bool
    since_s: float
    in_reserve: bool = False


def has_room(seat: Seat, others: Collection[Seat], limits: ConnectionLimits) -> bool:
    """Return whether one more connection is within the bounds; those of the reserve count in none.

    >>> limits = ConnectionLimits(connections=3, per_address=1)
    >>> a, b = (Seat(group=name, site=name, shared=False, since_s=0.0) for name in "ab")
    >>> has_room(a, [], limits), has_room(a, [a], limits), has_room(b, [a], limits), has_room(b, [a, a, a], limits)
    (True, False, True, False)
    """
    taken = [other for other in others if not other.in_reserve]
    if len(taken) >= limits.connections:
        return False
    most = limits.per_shared_address if seat.shared else limits.per_address
    if most is None:
        return True
    # one customer of a provider has many IPv6 networks: twice as much for all of them
    return (
        sum(other.group == seat.group for other in taken) < most
        and sum(other.site == seat.site for other in taken) < 2 * most
    )
