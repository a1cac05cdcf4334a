"""Bell: tells other processes of our commits at once, and the cache of theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

from actors.names import CACHE
from actors.shown.snapshots import BellSnapshot
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import CommitRung, CommitSeen
from engine.spec import Context
from storage.bell_line import BellLine
from storage.errors import StorageError

__all__ = ["Bell"]

BACKOFF = Backoff(first_s=0.5, cap_s=5.0)
#: digits of the largest commit number
_LONGEST = 19


class Bell(Actor):
    """One thread listens on the line that ``connect`` makes. A lost ring costs a second: the cache looks at the database each second."""

    def __init__(self, context: Context, *, connect: Callable[[], BellLine], random: Random) -> None:
        super().__init__(context)
        self._line = connect()
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)

    def _open(self) -> None:
        self.publish(BellSnapshot(connected=False))
        self._thread.start()

    def _close(self) -> None:
        self._closed.set()
        self._line.close()

    @handles(CommitSeen)
    def _on_commit_seen(self, news: CommitSeen) -> None:
        try:
            self._line.ring(b"%d" % news.commit_number)
        except StorageError as error:
            # The listening thread reports a broken line.
            self.log.debug("bell.not_rung", error=str(error))

    # ── the listening thread ─────────────────────────────────────────────────

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._line.listen(self._heard)
            except StorageError as error:
                now_s = self.clock.monotonic_s()
                if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s):
                    self.log.warning("bell.broken", error=str(error))
                self.publish(BellSnapshot(connected=False))
                self._closed.wait(self._retry.wait_s(now_s))

    def _heard(self, text: object) -> None:
        self._retry.succeeded()
        if text is None:
            self.publish(BellSnapshot(connected=True))
        if isinstance(text, bytes) and len(text) <= _LONGEST and text.isdigit():
            self.send(CACHE, CommitRung(commit_number=int(text)))
