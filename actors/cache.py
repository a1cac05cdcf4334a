"""Cache: knows the newest commit and keeps pages; the only writer of the page store."""

from __future__ import annotations

from collections.abc import Callable

from actors.names import STREAM
from actors.shown.metrics import Metrics
from actors.shown.snapshots import CacheSnapshot
from engine.actor import Actor, handles
from engine.messages import CommitSeen, PageBuilt, SignalsCommitted, Tick
from engine.spec import Context
from storage.errors import RedisUnavailableError, StorageError
from storage.pages import MemoryPages, Pages
from storage.postgres.ledger import Ledger

__all__ = ["Cache", "last_good_key", "page_key"]

#: commits of another daemon, or whose news was lost, are seen this soon
LOOK_EVERY_S = 1.0
#: the last good page of a query outlives its generation by this, for the time of a database outage
LAST_GOOD_S = 86_400.0
_TRIAL_KEY = "trial"
_GENERATIONS = "page:"


def page_key(query: str, commit_number: int) -> str:
    """Return the key of a page of one generation."""
    return f"{_GENERATIONS}{commit_number}:{query}"


def last_good_key(query: str) -> str:
    """Return the key under which the last good page of a query is kept."""
    return f"last:{query}"


class Cache(Actor):
    """Raises the generation at each commit and stores what the responder built.

    ``learn`` reads what the page store has to know of the database before pages can be kept there.
    """

    def __init__(
        self,
        context: Context,
        *,
        ledger: Ledger,
        pages: Pages,
        last_good: MemoryPages,
        ttl_s: float,
        metrics: Metrics,
        learn: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(context)
        self._ledger = ledger
        self._learn = learn
        self._pages = pages
        self._last_good = last_good
        self._ttl_s = ttl_s
        self._metrics = metrics
        self._commit_number: int | None = None
        self._error: str | None = None

    def _open(self) -> None:
        self._publish()
        self.tick_later("look", 0)

    @handles(SignalsCommitted)
    def _on_signals_committed(self, news: SignalsCommitted) -> None:
        if self._commit_number is None or news.commit_number > self._commit_number:
            self._raise(news.commit_number)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose != "look":
            return
        try:
            if self._learn is not None:
                self._learn()
                self._learn = None
            self._raise(self._newest_number())
        except StorageError as error:
            self.log.debug("cache.look_failed", error=str(error))
        if self._error is not None:
            # nobody may want a new page for hours: that pages are taken again is found out without one
            self._put(_TRIAL_KEY, b"", ttl_s=LOOK_EVERY_S)
        self.tick_later("look", LOOK_EVERY_S)

    @handles(PageBuilt)
    def _on_page_built(self, page: PageBuilt) -> None:
        # in this process too, whatever Redis does: it serves while database and Redis are both away
        self._last_good.put(last_good_key(page.query), page.body, ttl_s=LAST_GOOD_S)
        taken = self._put(page_key(page.query, page.commit_number), page.body, ttl_s=self._ttl_s)
        self._metrics.cache_writes.labels("ok" if taken else "failed").inc()

    def _put(self, key: str, body: bytes, *, ttl_s: float) -> bool:
        """Have a page kept and return whether it was; what is in the way is shown."""
        error: str | None = None
        try:
            self._pages.put(key, body, ttl_s=ttl_s)
        except RedisUnavailableError as refusal:
            error = str(refusal)
            if self._error is None:
                self.log.warning("cache.write_failed", error=error)
        if error != self._error:
            self._error = error
            self._publish()
        return error is None

    def _newest_number(self) -> int:
        number = self._ledger.commit_number()
        if self._commit_number is None or number >= self._commit_number:
            return number
        # a standby that is behind tells an earlier one too, and nothing was taken back
        number = self._ledger.certain_number()
        if number < self._commit_number:
            self.log.warning("cache.set_back", commit_number=number, was=self._commit_number)
        return number

    def _raise(self, commit_number: int) -> None:
        # a database restored from a backup counts from an earlier number again: any other one is news
        if commit_number != self._commit_number:
            self._commit_number = commit_number
            self._publish()
            # where they are kept in this process, too: of a generation that is over nobody asks
            self._last_good.forget(_GENERATIONS)
            self.send(STREAM, CommitSeen(commit_number=commit_number))

    def _publish(self) -> None:
        self.publish(CacheSnapshot(commit_number=self._commit_number, error=self._error))
