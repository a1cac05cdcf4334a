"""The shortcut: a request whose answer is ready is answered before anything of the application runs.

Nothing is decided anew here. Who the client is, whether its Host is served, what it may read and which form it wants
are told by the same functions that the layers of the application use, and remembered for the next request with the
very same headers over a connection between the same addresses. Every other request takes the long way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

from ops.http.kit.answers import matches
from ops.http.server.clients import FORWARDING, Requester, asker_of
from ops.http.server.guard import admits_unheard
from ops.http.server.layers import Access
from ops.http.server.ready import Form, ReadyAnswers, form_of
from ops.http.server.seats import PROBES

__all__ = ["LARGEST_HEADERS", "Shortcut"]

RawHeaders = tuple[tuple[bytes, bytes], ...]

#: The headers that the long way reads for a read, all judged by its own functions, and those that it never reads. A
#: request with any other header, such as Origin, Range or Expect, takes the long way.
_JUDGED = {"host", "accept", "accept-encoding", "if-none-match", *FORWARDING}
_WITHOUT_SAY = {
    *("accept-language", "cache-control", "connection", "cookie", "dnt", "pragma", "priority", "referer"),
    *(
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
    ),
    *("sec-fetch-user", "sec-gpc", "upgrade-insecure-requests", "user-agent"),
}
#: Clients can invent any headers. This bounds what is remembered of them to a megabyte; larger ones take the long way.
REMEMBERED, LARGEST_HEADERS = 256, 2048


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the headers of a request and the addresses of its connection say."""

    asker: Requester
    limited: bool
    form: Form
    if_none_match: str | None


class Shortcut:
    """Finds ready answers. Only the thread that serves requests calls it."""

    def __init__(
        self,
        ready: ReadyAnswers,
        access: Access,
    ) -> None:
        self._ready = ready
        self._access = access
        # at hand, because they are needed for every request
        self._keys, self._rates = access.policy.keys, access.rates
        self._metrics, self._clock = access.metrics, access.clock
        named = {*_JUDGED, *_WITHOUT_SAY, *self._keys.headers}
        self._known = frozenset(name.encode() for name in named)
        self._reader: Callable[..., _Reader | None] = functools.lru_cache(REMEMBERED)(self._judged)

    def __call__(self, scope: Scope, method: bytes, target: bytes) -> tuple[bytes, bytes] | None:
        """Return head and body of the answer, or None if the request must take the long way.

        The head lacks the empty line that ends it.
        """
        if method not in (b"GET", b"HEAD"):
            return None
        began_s = self._clock.monotonic_s()
        headers = tuple(scope["headers"])
        peer, here = (end[0] if end else "" for end in (scope["client"], scope["server"]))
        reader = self._reader(headers, peer, here, self._keys.version)
        if reader is None or (answer := self._ready.find(target, reader.form)) is None:
            return None
        told = self._rates.told_to_all
        if reader.limited and answer.route not in PROBES:
            if not self._rates.has_room(reader.asker):
                return None  # the long way counts and refuses it
            told = self._rates.use(reader.asker).headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items()).encode()
        unchanged = bool(answer.unchanged) and matches(reader.if_none_match, answer.etag)
        status, head = (304, answer.unchanged) if unchanged else (answer.status, answer.head)
        answer.count()
        self._metrics.count_answer(answer.route, method.decode(), status, self._clock.monotonic_s() - began_s)
        return head + lines, b"" if unchanged or method == b"HEAD" else answer.body

    def _judged(self, headers: RawHeaders, peer: str, here: str, _version: int) -> _Reader | None:
        """Judge the headers of a read. The number of the keys' version makes a decision about keys no older than them.

        Returns None for headers that take the long way.
        """
        names = [name for name, _ in headers]
        if not self._known.issuperset(names) or len(set(names)) < len(names):
            return None
        scope: Scope = {"type": "http", "client": (peer, 0), "server": (here, 0), "headers": headers}
        self._access.proxies.introduce(scope, root_path=self._access.root_path)
        if not admits_unheard(self._access.policy, scope):
            return None
        asker = asker_of(scope)
        limited = not asker.local and self._keys.key_of(scope) is None
        known = next((value.decode("latin-1") for name, value in headers if name == b"if-none-match"), None)
        return _Reader(asker=asker, limited=limited, form=form_of(scope), if_none_match=known)
