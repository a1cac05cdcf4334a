"""History requests: hands stored requests to backfill, and shows its progress to the other processes.

Any process may be asked to read the history, and one of them imports it. The database stands between them.
"""

from __future__ import annotations

from pydantic import TypeAdapter

from actors.names import BACKFILL
from actors.shown.snapshots import BackfillPhase, BackfillSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.messages import HistoryRequested, StartBackfill, Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.history_requests import HistoryRequests

__all__ = ["PROGRESS", "HistoryRequestKeeper"]

#: for requests to another process; those to this one are told at once
LOOK_EVERY_S = 5.0
#: while something is to be reported
BUSY_EVERY_S = 0.5

#: the progress as it stands in the database
PROGRESS: TypeAdapter[BackfillSnapshot] = TypeAdapter(BackfillSnapshot)


class HistoryRequestKeeper(Actor):
    """Works only where the history is imported.

    A request is removed when backfill has nothing left to do. Until then another process, or another generation of
    backfill, gets it again: reading twice does no harm.
    """

    def __init__(self, context: Context, *, requests: HistoryRequests) -> None:
        super().__init__(context)
        self._requests = requests
        self._told: dict[int, int] = {}
        self._taken = 0
        self._shown: BackfillSnapshot | None = None
        self._error: str | None = None

    def _open(self) -> None:
        self.tick_later("look", 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()

    @handles(HistoryRequested)
    def _on_history_requested(self, _: HistoryRequested) -> None:
        self._look()

    def _look(self) -> None:
        try:
            busy = self._serve()
            self._error = None
        except StorageError as error:
            if self._error is None:
                self.log.warning("history_requests.waiting", error=str(error))
            self._error, busy = str(error), False
        self.tick_each("look", BUSY_EVERY_S if busy else LOOK_EVERY_S)

    def _serve(self) -> bool:
        """Do what is due. Return whether backfill is about to change what it shows."""
        snapshots = self.context.services.snapshots
        published = snapshots.read(BACKFILL, BackfillSnapshot)
        if published is None or not may_work(snapshots, BACKFILL, self.clock.monotonic_s()):
            self._told.clear()
            self._shown = None
            return False
        progress = published.value
        if progress.requests_taken < self._taken:  # another generation, which knows of no request
            self._told.clear()
        self._taken = progress.requests_taken
        if progress != self._shown:
            self._requests.show(PROGRESS.dump_json(progress).decode())
            self._shown = progress
        if progress.phase is BackfillPhase.COMPLETED and self._told:
            done = [one for one, number in self._told.items() if number <= self._taken]
            self._requests.done(done)
            for one in done:
                del self._told[one]
        for request in self._requests.waiting():
            if request.id not in self._told:
                command = StartBackfill(
                    again=request.again, channels=tuple(request.channels), since=request.since
                )
                if not self.send(BACKFILL, command):
                    return False
                self._told[request.id] = max([self._taken, *self._told.values()]) + 1
        return bool(self._told)
