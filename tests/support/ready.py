"""The engine's HTTP side without servers: the shortcut in front of all layers, over pages of a test's own."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any, cast

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import Message, Scope

from actors.cache import page_key
from actors.names import CACHE, HEALTH
from actors.shown.health_report import Finding, HealthReport, Inputs, Status
from actors.shown.metrics import Metrics
from actors.shown.snapshots import BackfillSnapshot, CacheSnapshot
from engine.children import Phase, SupervisorSnapshot
from engine.clock import Clock
from engine.directory import Directory
from engine.messages import PageBuilt
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR
from ops.http.kit.answers import ConditionalResponses
from ops.http.kit.encoding import encode
from ops.http.kit.operations import routes_of, versioned
from ops.http.routes.pages import FreshPage, PageReader
from ops.http.routes.probes import probe_operations
from ops.http.routes.query import ListQuery
from ops.http.routes.signals import signal_operations
from ops.http.server.clients import Proxies
from ops.http.server.guard import GuardPolicy
from ops.http.server.layers import Access, request_layers
from ops.http.server.limits import RatePolicy, Rates
from ops.http.server.ready import ReadyAnswers
from ops.http.server.shortcut import Shortcut
from storage.errors import DatabaseUnavailableError
from storage.pages import MemoryPages, Pages
from tests.support.clock import FakeClock

__all__ = ["TTL_S", "Answered", "ReadyWorld"]

TTL_S = 30.0
Build = Callable[[ListQuery, BackfillSnapshot | None], str | None]
_SEVERAL = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer. ``at_once`` means that the shortcut gave it."""

    status: int
    headers: dict[str, str]
    sent: bytes
    at_once: bool

    @property
    def body(self) -> bytes:
        return gzip.decompress(self.sent) if "content-encoding" in self.headers else self.sent


class ReadyWorld:
    """One daemon. ``pages`` may be shared with another one.

    ``build`` stands for the database: it returns what a page shows as its cursor, or None while it is away. ``newest``
    returns its newest commit number; None stands for the one that was published.
    """

    def __init__(
        self,
        policy: GuardPolicy,
        build: Build,
        *,
        clock: FakeClock,
        pages: Pages | None = None,
        newest: Callable[[], int | None] = lambda: None,
        trusted: tuple[str, ...] = (),
        most: int = _SEVERAL,
        max_bytes: int = _SEVERAL,
        root_path: str = "",
    ) -> None:
        self.clock = clock
        self.snapshots = Snapshots(clock)
        self.registry = CollectorRegistry()
        self.pages = pages or MemoryPages(clock)
        self.last_good = MemoryPages(clock)
        #: messages that wait at the cache actor
        self.waiting = 0
        self.ready = ReadyAnswers(max_bytes=max_bytes)
        metrics, rates = Metrics(self.registry), Rates(RatePolicy(most=most, window_s=60.0), clock)
        reader = _Reader(self, build, newest, metrics)
        access = Access(
            policy=policy,
            rates=rates,
            proxies=Proxies(trusted),
            metrics=metrics,
            clock=clock,
            root_path=root_path,
        )
        unused = cast("Any", None)
        reading = reader, unused, unused, ConditionalResponses(self.last_good), self.ready
        operations = [
            *signal_operations(*reading, exports=unused, zone=UTC, with_history=True),
            *versioned(signal_operations(*reading, exports=unused, zone=UTC, with_history=False)),
            *probe_operations(self.snapshots, clock, metrics, self.ready),
        ]
        self._app = Starlette(routes=[*routes_of(operations)], middleware=request_layers(access))
        self._shortcut = Shortcut(self.ready, access)
        self.database_is(Status.HEALTHY)

    def knows(self, commit_number: int | None) -> None:
        """Publish the newest commit number."""
        self.snapshots.publish(CACHE, CacheSnapshot(commit_number=commit_number, error=None))

    def runs(self) -> None:
        """Publish a supervisor whose children all run."""
        self.snapshots.publish(SUPERVISOR, SupervisorSnapshot(phase=Phase.RUNNING, children=()))

    def database_is(self, status: Status, *, ready: bool = True) -> None:
        """Publish a health report that says so."""
        finding = Finding(status=status, cause="gone", since=self.clock.now())
        # of the report nothing else is looked at
        report = HealthReport(
            status=status, ready=ready, findings={"timescaledb": finding}, inputs=cast("Inputs", None)
        )
        self.snapshots.publish(HEALTH, report)

    def ask(
        self, target: str = "/signals", *, method: str = "GET", peer: str = "127.0.0.1", **headers: str
    ) -> Answered:
        """Ask as the protocol does: by the shortcut, and by the long way if that declines."""
        named = {"host": "127.0.0.1:4008"} | {n.replace("_", "-"): v for n, v in headers.items()}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
        path, _, query = target.partition("?")
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": raw,
            "client": (peer, 50_000),
            "server": ("127.0.0.1", 4008),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
            "state": {},
        }
        if (ready := self._shortcut(scope, method.encode(), target.encode())) is not None:
            first, *lines = ready[0].decode("latin-1").removesuffix("\r\n").split("\r\n")
            told = dict(line.split(": ", 1) for line in lines)
            return Answered(status=int(first.split()[1]), headers=told, sent=ready[1], at_once=True)
        return asyncio.run(self._long_way(scope))

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    async def _long_way(self, scope: Scope) -> Answered:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        await self._app(scope, receive, send)
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]}
        body = b"" if scope["method"] == "HEAD" else b"".join(message["body"] for message in sent[1:])
        return Answered(status=sent[0]["status"], headers=told, sent=body, at_once=False)


class _Reader(PageReader):
    """A page reader whose pages a test makes. What it tells the cache actor is kept at once, as that would keep it."""

    def __init__(
        self,
        world: ReadyWorld,
        build: Build,
        newest: Callable[[], int | None],
        metrics: Metrics,
    ) -> None:
        clock: Clock = world.clock
        super().__init__(
            snapshots=world.snapshots,
            directory=cast("Directory", self),
            clock=clock,
            pages=world.pages,
            last_good=world.last_good,
            signals=cast("Any", None),
            metrics=metrics,
            ttl_s=TTL_S,
        )
        self._world = world
        self._make, self._number = build, newest

    def depth(self, _name: str) -> int:
        return self._world.waiting

    def send(self, _name: str, page: PageBuilt) -> bool:
        self._world.pages.put(page_key(page.query, page.commit_number), page.body, ttl_s=TTL_S)
        return True

    def _build(self, query: ListQuery, backfill: BackfillSnapshot | None) -> FreshPage:
        page = self._make(query, backfill)
        if page is None:
            raise DatabaseUnavailableError("gone")
        return FreshPage(encode({"data": [], "nextCursor": page}), self._number())
