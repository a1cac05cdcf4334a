"""Ready answers beside a model: after any history of two daemons with one Redis, no answer is older than it may be."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.names import BACKFILL
from actors.shown.health_report import Status
from actors.shown.snapshots import BackfillPhase, BackfillSnapshot, ChannelProgress
from ops.http.routes.query import ListQuery
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import ServedHosts
from ops.http.server.keys import KeyRing
from ops.http.server.ready import ENTRY_BYTES
from storage.pages import MemoryPages
from tests.support.clock import FakeClock
from tests.support.ready import TTL_S, Answered, ReadyWorld

NAMES = ("one", "other")
#: room for about three answers of each daemon
MAX_BYTES = 3 * (ENTRY_BYTES + 4000)
POLICY = GuardPolicy(
    hosts=ServedHosts(loopback=True, allowed=()),
    keys=KeyRing([]),
    allow_open=False,
    read_key_required=False,
    origins=(),
)
CHANNEL = ChannelProgress(
    channel="-1001", rows_read=0, pages=1, found=0, total=None, completed_at=FakeClock().now(), tail_found=0
)
worlds = st.sampled_from(NAMES)
questions = st.sampled_from(["/signals", "/signals?limit=7", "/api/v1/signals", "/signals?asset=PETR4"])


class SharedPages:
    """A part of one page store, as Redis keeps it: the keys of a database begin with its name."""

    level = "redis"

    def __init__(self, shared: MemoryPages, name: str) -> None:
        self._shared = shared
        self.prefix = f"{name}:"

    def get(self, key: str) -> bytes | None:
        return self._shared.get(self.prefix + key)

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        self._shared.put(self.prefix + key, page, ttl_s=ttl_s)


@dataclass
class Database:
    """The model of one database: ``history`` has its commit numbers. None is ever given out twice.

    ``known`` is the number from which on a page may show it: the newest one that was published.
    """

    name: str
    clock: FakeClock
    history: list[int] = field(default_factory=lambda: [5])
    drawn: int = 5
    known: int = 5
    rows_read: int = 0
    away: bool = False
    in_trouble: bool = False
    #: ETag -> the data that it stands for
    data_of: dict[str, Any] = field(default_factory=dict)

    def commit(self) -> None:
        self.drawn += 1
        self.history.append(self.drawn)

    def build(self, query: ListQuery, backfill: BackfillSnapshot | None) -> str | None:
        if self.away:
            return None
        rows_read = backfill.channels[0].rows_read if backfill else None
        facts = {
            "of": self.name,
            "number": self.history[-1],
            "built": self.clock.monotonic_s(),
            "rows": rows_read,
        }
        return json.dumps(facts | {"asked": query.key, "text": "x" * 3000})


class Readers(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        self.redis = MemoryPages(self.clock)
        self.databases = {name: Database(name, self.clock) for name in NAMES}
        self.worlds = {
            name: ReadyWorld(
                POLICY,
                database.build,
                clock=self.clock,
                pages=SharedPages(self.redis, name),
                newest=lambda database=database: database.history[-1],  # type: ignore[misc]
                max_bytes=MAX_BYTES,
            )
            for name, database in self.databases.items()
        }
        for name in NAMES:
            self._publish(name)

    def _publish(self, name: str) -> None:
        database = self.databases[name]
        database.known = database.history[-1]
        self.worlds[name].knows(database.known)

    @rule(name=worlds, seen=st.booleans())
    def commit_or_change_a_label(self, name: str, seen: bool) -> None:
        """Both draw a commit number. ``seen``: the cache actor learns it at once."""
        self.databases[name].commit()
        if seen:
            self._publish(name)

    @rule(name=worlds)
    def look(self, name: str) -> None:
        self._publish(name)

    @rule(name=worlds, back=st.integers(1, 2), again=st.booleans())
    def restore(self, name: str, back: int, again: bool) -> None:
        """Go back to an earlier number; ``again``: and commit once more before anybody asks."""
        database = self.databases[name]
        del database.history[max(1, len(database.history) - back) :]
        if again:
            database.commit()
        self._publish(name)

    @rule(name=worlds, away=st.booleans(), in_trouble=st.booleans())
    def outage(self, name: str, away: bool, in_trouble: bool) -> None:
        """Health needs a moment to see either, so all four combinations occur."""
        database = self.databases[name]
        database.away, database.in_trouble = away, in_trouble
        self.worlds[name].database_is(Status.UNHEALTHY if in_trouble else Status.HEALTHY)

    @rule(name=worlds)
    def history(self, name: str) -> None:
        database = self.databases[name]
        database.rows_read += 1
        channels = (replace(CHANNEL, rows_read=database.rows_read),)
        snapshot = BackfillSnapshot(
            phase=BackfillPhase.COMPLETED, channels=channels, error=None, failing_since=None
        )
        self.worlds[name].snapshots.publish(BACKFILL, snapshot)

    @rule(seconds=st.sampled_from([0.1, 1.0, TTL_S / 2, TTL_S]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def who_asks_again_gets_what_holds_now(self) -> None:
        for name in NAMES:
            self.ask(name, "/signals", gzip=False, method="GET")

    @rule(name=worlds, path=questions, gzip=st.booleans(), method=st.sampled_from(["GET", "GET", "HEAD"]))
    def ask(self, name: str, path: str, gzip: bool, method: str) -> None:
        coding = "gzip" if gzip else "identity"
        answer = self.worlds[name].ask(path, method=method, accept_encoding=coding)
        if answer.status == 503:
            assert self.databases[name].away
        elif method == "GET":
            self.databases[name].data_of[answer.headers["etag"].removeprefix("W/")] = json.loads(answer.body)
            self._may_be_given(name, path, answer, json.loads(answer.body))

    @rule(name=worlds, path=questions, data=st.data())
    def ask_for_another_version(self, name: str, path: str, data: st.DataObject) -> None:
        known = self.databases[name].data_of
        etag = data.draw(st.sampled_from(sorted(known) or ['"none"']))
        answer = self.worlds[name].ask(path, if_none_match=etag)
        assert answer.status in (200, 503) or answer.headers["etag"] == etag
        if answer.status == 304:
            self._may_be_given(name, path, answer, known[etag])

    def _may_be_given(self, name: str, path: str, answer: Answered, page: Any) -> None:
        database, facts = self.databases[name], json.loads(page["nextCursor"])
        assert facts["of"] == name
        assert facts["asked"] == path.partition("?")[2]
        if answer.headers["x-cache"] == "stale":
            assert page["stale"]
            assert answer.headers["x-stale-seconds"] == str(page["staleSeconds"])
            assert database.in_trouble or database.away
            return
        assert "stale" not in page
        assert not (answer.at_once and database.in_trouble)
        assert facts["number"] in database.history
        assert facts["number"] >= database.known
        assert self.clock.monotonic_s() - facts["built"] <= TTL_S
        if path == "/signals":
            assert facts["rows"] == (database.rows_read or None)
        assert answer.at_once == (answer.headers["x-cache"] == "memory")

    @invariant()
    def the_bound_holds(self) -> None:
        for world in self.worlds.values():
            kept = world.ready._kept.values()
            assert world.ready.size_bytes == sum(size for _, size in kept) <= MAX_BYTES


TestReaders = Readers.TestCase
TestReaders.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
