"""Cache: knows the newest commit and stores pages. Only it writes pages of a generation.

The commit number is the generation of a page, and it is part of the page's key. A page of an old generation is
therefore never served as a new one, even when a slow reader stores it after the next commit. Nothing has to be
invalidated, so a lost doorbell or a Redis outage cannot leave an old page in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from actors.names import BELL, STREAM
from actors.shown.metrics import Metrics
from actors.shown.snapshots import CacheSnapshot
from engine.actor import Actor, handles
from engine.messages import CommitRung, CommitSeen, PageBuilt, SignalsCommitted, Tick
from engine.spec import Context
from storage.errors import RedisUnavailableError, StorageError
from storage.pages import MemoryPages, Pages
from storage.postgres.ledger import Ledger

__all__ = ["Cache", "page_key"]

#: how often the database is asked for commits of other daemons, and for commits whose doorbell was lost
LOOK_EVERY_S = 1.0
_TRIAL_KEY = "trial"
_GENERATIONS = "page:"


def page_key(query: str, commit_number: int) -> str:
    """Return the key of a page in one generation."""
    return f"{_GENERATIONS}{commit_number}:{query}"


class Cache(Actor):
    """Raises the generation at each commit and stores what the responder built.

    ``memory`` holds pages of this process, which a new generation frees. ``learn`` reads from the database what the page store needs before it can store pages. ``rings``: there is a bell that
    tells other processes of commits.
    """

    def __init__(
        self,
        context: Context,
        *,
        ledger: Ledger,
        pages: Pages,
        memory: MemoryPages,
        ttl_s: float,
        metrics: Metrics,
        followers: Sequence[str] = (STREAM,),
        learn: Callable[[], None] | None = None,
        rings: bool = False,
    ) -> None:
        super().__init__(context)
        self._ledger = ledger
        self._learn = learn
        self._rings = rings
        self._followers = tuple(followers)
        self._pages = pages
        self._memory = memory
        self._ttl_s = ttl_s
        self._metrics = metrics
        self._commit_number: int | None = None
        self._error: str | None = None

    def _open(self) -> None:
        self._publish()
        self.tick_later("look", 0)

    @handles(SignalsCommitted)
    def _on_signals_committed(self, news: SignalsCommitted) -> None:
        known = self._commit_number
        if known is None or news.commit_number > known:
            # No commit lies between the two numbers, so one that was seen there is lost.
            set_back = known is not None and news.after is not None and news.after < known
            if news.changed or set_back:
                self._raise_generation(news.commit_number, set_back=set_back)
                if self._rings:
                    self.send(BELL, CommitSeen(commit_number=news.commit_number))

    @handles(CommitRung)
    def _on_commit_rung(self, ring: CommitRung) -> None:
        self._look_at(ring.commit_number)

    def _look_at(self, told: int) -> None:
        # A number that was told only says that a look is worth it. Our own rings come back, and are not.
        if self._commit_number is None or told > self._commit_number:
            try:
                self._look()
            except StorageError as error:
                self.log.debug("cache.look_failed", error=str(error))

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose != "look":
            return
        try:
            if self._learn is not None:
                self._learn()
                self._learn = None
            self._look()
        except StorageError as error:
            self.log.debug("cache.look_failed", error=str(error))
        if self._error is not None:
            # There may be no new page for hours, so a trial write finds out when the page store works again.
            self._put(_TRIAL_KEY, b"", ttl_s=LOOK_EVERY_S)
        self.tick_each("look", LOOK_EVERY_S)

    @handles(PageBuilt)
    def _on_page_built(self, page: PageBuilt) -> None:
        stored = self._put(page_key(page.query, page.commit_number), page.body, ttl_s=self._ttl_s)
        self._metrics.cache_writes.labels("ok" if stored else "failed").inc()
        self._look_at(page.commit_number)

    def _put(self, key: str, body: bytes, *, ttl_s: float) -> bool:
        """Store a page and return whether that succeeded. An error is published."""
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

    def _look(self) -> None:
        number = self._newest_number()
        self._raise_generation(number, set_back=number < (self._commit_number or 0))

    def _newest_number(self) -> int:
        number = self._ledger.commit_number()
        if self._commit_number is None or number >= self._commit_number:
            return number
        # A standby that lags also returns an earlier number, although nothing was restored. So ask the server
        # that takes the writes.
        return self._ledger.certain_number()

    def _raise_generation(self, commit_number: int, *, set_back: bool) -> None:
        """Make this the newest commit. ``set_back``: the database was restored, or a failover has lost commits."""
        if set_back:
            self.log.warning("cache.set_back", commit_number=commit_number, was=self._commit_number)
        if commit_number != self._commit_number:
            self._commit_number = commit_number
            self._publish()
            # Nobody reads pages of the old generation any more, so they are dropped from this process.
            self._memory.forget(_GENERATIONS)
            for follower in self._followers:
                self.send(follower, CommitSeen(commit_number=commit_number, set_back=set_back))

    def _publish(self) -> None:
        self.publish(CacheSnapshot(commit_number=self._commit_number, error=self._error))
