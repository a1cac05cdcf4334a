"""Pages of signals. They come from the cache, from the database, or in an outage from the last good copy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable
from dataclasses import dataclass

import orjson

from actors.cache import page_key
from actors.names import BACKFILL, CACHE
from actors.shown.metrics import Metrics
from actors.shown.snapshots import BackfillSnapshot, CacheSnapshot
from engine.clock import Clock
from engine.directory import Directory
from engine.messages import PageBuilt
from engine.snapshot import Snapshots
from ops.http.kit.encoding import encode
from ops.http.routes.health import database_trouble
from ops.http.routes.query import ListQuery
from ops.http.routes.signal_objects import history_entry
from ops.http.routes.signal_texts import SignalTexts
from storage.errors import RedisUnavailableError, StorageError
from storage.pages import MemoryPages, Pages
from storage.postgres.orders import encode_cursor
from storage.postgres.signals import Signals, StoredPage

__all__ = [
    "FreshPage",
    "Page",
    "PageReader",
    "Validity",
    "count_of",
    "last_good_key",
    "next_cursor_of",
    "signal_lines",
]

#: how long the last good page of a query is kept, to be served during a database outage
LAST_GOOD_S = 86_400.0
#: So many messages may wait at the cache actor. Readers build pages faster than it writes them into Redis. Without a
#: bound they would fill the memory, and the news of a commit would wait behind them.
MOST_WAITING = 4

# within a text of JSON each of these quotation marks would have a backslash before it
_NEXT = b'],"nextCursor":'
_END = re.compile(_NEXT + rb'(?:("(?:[^"\\]|\\.)*")|null)(?:,"count":([0-9]+))?')


def last_good_key(query: str) -> str:
    """Return the key under which the last good page of a query is kept."""
    return f"last:{query}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Generation:
    """What is known when a page is asked for. The same object means that nothing was published meanwhile."""

    cache: CacheSnapshot | None
    backfill: BackfillSnapshot | None
    stamp: str


@dataclass(frozen=True, slots=True)
class FreshPage:
    """A page as of a commit; None is any, because the page has no signals."""

    body: bytes
    commit_number: int | None


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a page may be given without another look: in its generation, until ``until_s``."""

    generation: _Generation
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to answer with.

    ``level`` says what answered: a store of pages, the database, or ``stale`` for a page from before an outage.
    ``age_s`` is the age of a stale page, and None for a current one. A page with a ``validity`` may be kept.
    """

    body: bytes
    level: str
    age_s: int | None = None
    validity: Validity | None = None


class PageReader:
    """Reads pages through the cache. Thread-safe: it reads snapshots, and the stores of pages have locks.

    Every commit raises the commit number, the generation of the cache. The generation is part of a page's key, so a
    commit makes all older pages unreachable, and nothing has to be deleted.
    """

    def __init__(
        self,
        *,
        snapshots: Snapshots,
        directory: Directory,
        clock: Clock,
        pages: Pages,
        last_good: MemoryPages,
        signals: Signals,
        metrics: Metrics,
        ttl_s: float,
    ) -> None:
        self._snapshots = snapshots
        self._directory = directory
        self._clock = clock
        self._pages = pages
        self._last_good = last_good
        self._texts = SignalTexts(signals)
        self._metrics = metrics
        self._ttl_s = ttl_s
        self._newest = _Generation(cache=None, backfill=None, stamp="")

    def page(self, query: ListQuery) -> Page:
        """Return the page.

        Raises:
            StorageError: the database cannot be read, and there is no last good page for this query.
        """
        generation = self._generation()
        backfill = generation.backfill if query.history else None
        key = f"{query.key}#{generation.stamp if query.history else ''}#{int(query.history)}"
        commit_number = generation.cache.commit_number if generation.cache else None
        if commit_number is not None and (kept := self._kept(page_key(key, commit_number))) is not None:
            self._metrics.cache_requests.labels("hit").inc()
            return self._judged(kept, generation)
        last = self._last_good.get(last_good_key(key))
        if last is not None and database_trouble(self._snapshots) is not None:
            # Health has found out, and looks on. Readers who ask too would each wait for a database that is silent.
            return self._stale(last)
        try:
            built = self._build(query, backfill)
        except StorageError:
            if last is None:
                raise
            return self._stale(last)
        self._metrics.cache_requests.labels("miss").inc()
        # The page may be newer than the generation that was read before it, after a commit that nobody has told yet. It is
        # kept for its own commit alone: a failover may lose that commit, and the generation would stay as it was.
        if commit_number is not None:
            stamped = b"%d\n" % round(self._clock.now().timestamp()) + built.body
            self._store(key, built.commit_number or commit_number, stamped)
        is_current = commit_number is not None and built.commit_number in {None, commit_number}
        validity = self._validity(generation, age_s=0) if is_current else None
        return Page(body=built.body, level="database", validity=validity)

    def _store(self, key: str, commit_number: int, stamped: bytes) -> None:
        # this copy in the process serves readers while both the database and Redis are unavailable
        self._last_good.put(last_good_key(key), stamped, ttl_s=LAST_GOOD_S)
        if self._directory.depth(CACHE) < MOST_WAITING:
            self._directory.send(CACHE, PageBuilt(query=key, commit_number=commit_number, body=stamped))
        else:
            self._metrics.cache_writes.labels("skipped").inc()

    def count_from_memory(self) -> None:
        """Count a page that was answered without this reader."""
        self._metrics.answers_from_memory.inc()

    def count_shared(self) -> None:
        """Count a page that was answered with what another reader has built."""
        self._metrics.cache_requests.labels("shared").inc()

    def newest(self) -> Hashable:
        """Return what an answer that is built now belongs to. It is another value after each commit that is known."""
        return self._generation()

    def holds(self, validity: Validity) -> bool:
        """Return whether a page may still be given as a current one."""
        return (
            self._generation() is validity.generation
            and database_trouble(self._snapshots) is None
            and self._clock.monotonic_s() < validity.until_s
        )

    def _generation(self) -> _Generation:
        cache = self._snapshots.read(CACHE, CacheSnapshot)
        backfill = self._snapshots.read(BACKFILL, BackfillSnapshot)
        newest = self._newest
        known = cache.value if cache else None
        completed = backfill.value if backfill and backfill.value.completed else None
        if newest.cache is known and newest.backfill is completed:
            return newest
        # Two threads may both come here. The page of the one whose object is replaced is then just not kept.
        newest = self._newest = _Generation(cache=known, backfill=completed, stamp=_stamp(completed))
        return newest

    def _validity(self, generation: _Generation, *, age_s: int) -> Validity:
        return Validity(generation, self._clock.monotonic_s() + self._ttl_s - age_s)

    def _kept(self, key: str) -> bytes | None:
        try:
            return self._pages.get(key)
        except RedisUnavailableError:
            return None

    def _judged(self, stamped: bytes, generation: _Generation) -> Page:
        """Return a cached page of the newest known generation. In an outage it may be outdated, so mark it stale."""
        if database_trouble(self._snapshots) is not None:
            return self._stale(stamped)
        built_at, _, body = stamped.partition(b"\n")
        return Page(
            body=body,
            level=self._pages.level,
            validity=self._validity(generation, age_s=self._age_s(built_at)),
        )

    def _stale(self, stamped: bytes) -> Page:
        built_at, _, body = stamped.partition(b"\n")
        age_s = self._age_s(built_at)
        told = body[:-1] + b',"stale":true,"staleSeconds":%d}' % age_s
        return Page(body=told, level="stale", age_s=age_s)

    def _age_s(self, built_at: bytes) -> int:
        return max(0, round(self._clock.now().timestamp()) - int(built_at))

    def _build(self, query: ListQuery, backfill: BackfillSnapshot | None) -> FreshPage:
        texts: list[bytes] = []
        page = StoredPage()
        if query.signals:
            texts, page = self._texts.find(query.signals, fields=query.fields, counted=query.counted)
        next_cursor = encode_cursor(page.after) if page.after else None
        count = b"" if page.count is None else b',"count":%d' % page.count
        if backfill is not None:
            # beside the limit: clients of the former service look for it on the first page only (fault 77)
            texts.append(encode(history_entry(backfill)))
        # a line for each signal: NDJSON is made of them
        body = b"".join((b'{"data":[', b",\n".join(texts), _NEXT, encode(next_cursor), count, b"}"))
        return FreshPage(body, page.commit_number)


def next_cursor_of(page: bytes) -> str | None:
    r"""Return the cursor of the next page, or None if this one is the last.

    >>> next_cursor_of(b'{"data":[],"nextCursor":"1_7"}'), next_cursor_of(b'{"data":[],"nextCursor":null}')
    ('1_7', None)
    >>> next_cursor_of(b'{"data":[],"nextCursor":"asset.A\\"_1_7"}')
    'asset.A"_1_7'
    """
    match = _end_of(page)
    return orjson.loads(match[1]) if match and match[1] else None


def count_of(page: bytes) -> str | None:
    """Return the number of signals that match, or None if it was not asked for.

    >>> count_of(b'{"data":[],"nextCursor":null,"count":0}'), count_of(b'{"data":[],"nextCursor":null}')
    ('0', None)
    """
    match = _end_of(page)
    return match[2].decode() if match and match[2] else None


def signal_lines(page: bytes) -> bytes:
    r"""Return the signals of a page as one JSON object a line.

    >>> signal_lines(b'{"data":[{"id":2},\n{"id":1}],"nextCursor":null}')
    b'{"id":2}\n{"id":1}\n'
    """
    match = _end_of(page)
    data = page[: match.start() if match else None].removeprefix(b'{"data":[')
    return data.replace(b",\n", b"\n") + b"\n" if data else b""


def _end_of(page: bytes) -> re.Match[bytes] | None:
    # from the end: the signals are all of the page but some bytes
    return _END.match(page, max(0, page.rfind(_NEXT)))


def _stamp(backfill: BackfillSnapshot | None) -> str:
    """Return a digest of everything that the history entry shows.

    It is part of the page's key, because a channel can be added or removed without a commit of signals.
    """
    if backfill is None:
        return ""
    facts = [f"{c.channel},{c.rows_read},{c.pages},{c.completed_at}" for c in backfill.channels]
    return hashlib.blake2b(";".join(facts).encode(), digest_size=8).hexdigest()
