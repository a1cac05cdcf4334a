"""Two daemons on one database, and a client whose proxy sends it now to the one, now to the other."""

from __future__ import annotations

import contextlib
import threading
from itertools import cycle, islice

from tests.support.serving import EventStream, Served, serving

MOVES = 40


class Committing:
    """A thread that commits signals of both daemons, one message after the other, until told to end."""

    def __init__(self, *daemons: Served) -> None:
        self._daemons = cycle(daemons)
        self._ended = threading.Event()
        self.last = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            self.last += 2
            next(self._daemons).commit(self.last - 1, self.last)

    def end(self) -> None:
        self._ended.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


def test_fault_86_a_stream_that_is_moved_forty_times_is_never_reset_and_loses_and_doubles_nothing(
    migrated_url: str,
) -> None:
    with serving(migrated_url) as one, serving(migrated_url) as other:
        one.commit(9_999)
        got: list[int] = []
        last_id = f"{one.commit_number()}"
        committing = Committing(one, other)
        for moved, daemon in enumerate(islice(cycle((one, other)), MOVES)):
            if moved == MOVES - 1:
                committing.end()
                if got[-1] == committing.last:
                    break  # the move before has brought the very last one
            with daemon.stream(Last_Event_ID=last_id) as stream:
                wanted = committing.last if moved == MOVES - 1 else (got[-1] if got else 0) + 2
                got += read_until(stream, wanted)
                last_id = stream.last_id
        assert got == list(range(1, committing.last + 1))


def read_until(stream: EventStream, message: int) -> list[int]:
    """Read one connection until a message has come; every id on it lies after the one before."""
    found: list[int] = []
    ids: list[tuple[int, int]] = []
    with contextlib.suppress(StopIteration):
        while not found or found[-1] < message:
            event = stream.next()
            assert event is not None
            assert event.kind == "signal", f"{event.kind} at {event.id}"
            number, _, signal = event.id.partition("-")
            ids.append((int(number), int(signal)))
            found.append(int(event.data["message_id"]))
    assert ids == sorted(set(ids))
    return found
