"""Whether a stream is told that news may be missing: by the heartbeat of its reader, however long there is no news."""

from actors.names import STREAM
from actors.shown.snapshots import StreamSnapshot
from ops.http.routes.health import OLDEST_S, stream_trouble
from tests.support.family import Family


def reading(error: str | None = None) -> Family:
    family = Family(STREAM)
    family.start()
    family.snapshots.publish(STREAM, StreamSnapshot(commit_number=1, error=error))
    return family


def test_a_weekend_without_a_commit_is_no_trouble() -> None:
    family = reading()
    family.pass_s(60 * 60)
    assert stream_trouble(family.snapshots) is None


def test_a_reader_that_hangs_or_cannot_read_is_trouble() -> None:
    hanging = reading()
    hanging.live[STREAM].hung = True
    hanging.pass_s(OLDEST_S + 2)
    assert stream_trouble(hanging.snapshots) == ("new signals are not being read at the moment", None)
    assert stream_trouble(reading(error="refused").snapshots) == ("refused", None)


def test_a_reader_that_is_dead_is_trouble_until_its_next_generation_runs() -> None:
    family = reading()
    family.die(STREAM)
    assert stream_trouble(family.snapshots) is not None
    family.pass_s(2)
    assert stream_trouble(family.snapshots) is None
