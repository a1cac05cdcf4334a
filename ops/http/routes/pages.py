"""Pages of signals. They come from the cache, from the database, or in an outage from the last good copy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from actors.cache import last_good_key, page_key
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
from ops.http.routes.single_flight import SingleFlight
from storage.errors import RedisUnavailableError, StorageError
from storage.pages import MemoryPages, Pages
from storage.postgres.signals import Signals, StoredPage, encode_cursor

__all__ = ["Page", "PageReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to answer with. ``age_s`` is the age of a stale page, and None for a current one."""

    body: bytes
    age_s: int | None = None


class PageReader:
    """Reads pages through the cache. Thread-safe: it reads snapshots, and only the cache actor writes the cache.

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
    ) -> None:
        self._snapshots = snapshots
        self._directory = directory
        self._clock = clock
        self._pages = pages
        self._last_good = last_good
        self._texts = SignalTexts(signals)
        self._metrics = metrics
        self._single_flight = SingleFlight()

    def page(self, query: ListQuery) -> Page:
        """Return the page.

        Raises:
            StorageError: the database cannot be read, and there is no last good page for this query.
        """
        backfill = self._completed_backfill() if query.history else None
        key = f"{query.key}#{_stamp(backfill)}#{int(query.history)}"
        cache = self._snapshots.read(CACHE, CacheSnapshot)
        commit_number = cache.value.commit_number if cache else None
        if commit_number is not None and (kept := self._kept(page_key(key, commit_number))) is not None:
            self._metrics.cache_requests.labels("hit").inc()
            return self._judged(kept)
        try:
            body, shared = self._single_flight.build(
                page_key(key, commit_number or 0), lambda: self._build(query, backfill)
            )
        except StorageError:
            last = self._last_good.get(last_good_key(key))
            if last is None:
                raise
            return self._stale(last)
        self._metrics.cache_requests.labels("shared" if shared else "miss").inc()
        # The generation was read before the build, so the page holds at least the rows of that generation. A commit
        # during the build may add newer rows; that does no harm. Only the reader that built the page sends it.
        if commit_number is not None and not shared:
            stamped = b"%d\n%b" % (round(self._clock.now().timestamp()), body)
            self._directory.send(CACHE, PageBuilt(query=key, commit_number=commit_number, body=stamped))
        return Page(body=body)

    def _kept(self, key: str) -> bytes | None:
        try:
            return self._pages.get(key)
        except RedisUnavailableError:
            return None

    def _judged(self, stamped: bytes) -> Page:
        """Return a cached page of the newest known generation. In an outage it may be outdated, so mark it stale."""
        if database_trouble(self._snapshots) is not None:
            return self._stale(stamped)
        return Page(body=stamped.partition(b"\n")[2])

    def _stale(self, stamped: bytes) -> Page:
        built_at, _, body = stamped.partition(b"\n")
        age_s = max(0, round(self._clock.now().timestamp()) - int(built_at))
        return Page(body=body[:-1] + b',"stale":true,"staleSeconds":%d}' % age_s, age_s=age_s)

    def _build(self, query: ListQuery, backfill: BackfillSnapshot | None) -> bytes:
        texts, page = self._texts.find(query.signals) if query.signals else ([], StoredPage())
        next_cursor = None
        if page.more:
            next_cursor = encode_cursor(page.places[-1].ts, page.places[-1].id)
        if backfill is not None:
            # beside the limit: clients of the former service look for it on the first page only (fault 77)
            texts.append(encode(history_entry(backfill)))
        return b'{"data":[%b],"nextCursor":%b}' % (b",".join(texts), encode(next_cursor))

    def _completed_backfill(self) -> BackfillSnapshot | None:
        backfill = self._snapshots.read(BACKFILL, BackfillSnapshot)
        return backfill.value if backfill and backfill.value.completed else None


def _stamp(backfill: BackfillSnapshot | None) -> str:
    """Return a digest of everything that the history entry shows.

    It is part of the page's key, because a channel can be added or removed without a commit of signals.
    """
    if backfill is None:
        return ""
    facts = [f"{c.channel},{c.rows_read},{c.pages},{c.completed_at}" for c in backfill.channels]
    return hashlib.blake2b(";".join(facts).encode(), digest_size=8).hexdigest()
