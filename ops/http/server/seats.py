"""Connection limits: for all clients, for one address, and a reserve on which only probes are answered."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ops.http.kit.operations import API_PREFIX

__all__ = ["PROBES", "ConnectionLimits", "Seat", "Seats"]

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
    in_reserve: bool = False


class Seats:
    """The connections of one server, counted as they come and go: one more costs the same however many are open.

    All connections of a server live in one event loop, so no lock is needed.

    >>> seats = Seats(ConnectionLimits(connections=2, per_address=1, reserve=1))
    >>> a, b, c, d = (Seat(group=name, site=name, shared=False) for name in "aabc")
    >>> for seat in (a, b, c, d): seats.take(seat, make_way=lambda: print("one leaves the reserve"))
    one leaves the reserve
    >>> [seat.in_reserve for seat in (a, b, c, d)]
    [False, True, False, True]
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._groups: Counter[str] = Counter()
        self._sites: Counter[str] = Counter()
        self._taken = 0
        #: oldest first
        self._reserve: dict[Seat, Callable[[], object]] = {}

    def take(self, seat: Seat, *, make_way: Callable[[], object]) -> None:
        """Take a seat, in the reserve if there is no other. A full reserve calls ``make_way`` of its oldest."""
        if self._has_room(seat):
            self._count(seat, 1)
            return
        seat.in_reserve = True
        if len(self._reserve) >= self._limits.reserve:
            # a probe sends its request at once, so the connection that has waited longest is no probe
            self._reserve.pop(next(iter(self._reserve)))()
        self._reserve[seat] = make_way

    def leave(self, seat: Seat) -> None:
        """Leave a seat."""
        if seat.in_reserve:
            self._reserve.pop(seat, None)
        else:
            self._count(seat, -1)

    def _has_room(self, seat: Seat) -> bool:
        if self._taken >= self._limits.connections:
            return False
        most = self._limits.per_shared_address if seat.shared else self._limits.per_address
        # one customer may have many IPv6 networks; together they get twice the limit of one
        return most is None or (self._groups[seat.group] < most and self._sites[seat.site] < 2 * most)

    def _count(self, seat: Seat, change: int) -> None:
        self._taken += change
        for counts, name in ((self._groups, seat.group), (self._sites, seat.site)):
            counts[name] += change
            if counts[name] == 0:
                del counts[name]
