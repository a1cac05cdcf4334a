"""Connection limits: for all clients, for one address, and a reserve on which only probes are answered."""

from __future__ import annotations

import resource
from collections.abc import Collection
from dataclasses import dataclass

from ops.http.kit.operations import API_PREFIX

__all__ = ["PROBES", "ConnectionLimits", "Seat", "has_room"]

#: never rate-limited and never behind a key: process supervisors ask here
PROBES = frozenset(
    prefix + path
    for prefix in ("", API_PREFIX)
    for path in ("/health", "/healthz", "/livez", "/ready", "/readyz")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits on connections. Each time in seconds runs from the first to the last byte of a part.

    ``write_s`` limits how long a client may leave 64 KiB unread. The server reads up to ``discard_bytes`` of a refused
    body, so that the client can read the refusal.
    """

    connections: int
    #: for one address (one /64 network for IPv6), and for an address that many clients share: a trusted proxy, loopback
    per_address: int | None = None
    per_shared_address: int | None = None
    #: connections beyond these limits, on which only probes are answered, and the time for their headers
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
        """Return limits that use at most half of the files that the process may open, and at most 2000."""
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
    """One connection. ``group`` and ``site`` equal ``address`` and ``site`` of :class:`Requester`."""

    group: str
    site: str
    shared: bool
    since_s: float
    in_reserve: bool = False


def has_room(seat: Seat, others: Collection[Seat], limits: ConnectionLimits) -> bool:
    """Return whether one more connection is within the limits. Connections of the reserve do not count.

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
    # one customer may have many IPv6 networks; together they get twice the limit of one
    return (
        sum(other.group == seat.group for other in taken) < most
        and sum(other.site == seat.site for other in taken) < 2 * most
    )
