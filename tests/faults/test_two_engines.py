"""Two engines on one database: when one of them ends or freezes, the other goes on with what was in its hands."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import psycopg
import pytest

from storage.postgres.database import IDLE_LIMIT_S
from tests.support.databases import through
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually

INTERVAL_S = 2.0
#: what a busy machine may add
SLACK_S = 1.5
# who has drawn a number and has not asked for more since
_HOLDER = """
select pid, xact_start from pg_locks join pg_stat_activity using (pid)
where relation = 'signals.commits'::regclass and mode = 'RowExclusiveLock' and granted and state = 'idle in transaction'
"""


class Traffic:
    """Ten messages a second into the gateway, and when an engine is first seen to show each."""

    def __init__(self, gateway: GatewayProcess, engine: EngineProcess) -> None:
        self.put_at: dict[int, float] = {}
        self.shown_at: dict[int, float] = {}
        self._gateway = gateway
        self._engine = engine
        self._fed, self._over = threading.Event(), threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Put messages during the body; after it, all of them are shown."""
        feeder, watcher = (threading.Thread(target=work) for work in (self._event_log, self._watch))
        feeder.start()
        watcher.start()
        try:
            yield
            self._fed.set()
            feeder.join()
            eventually(lambda: self.shown_at.keys() == self.put_at.keys(), deadline_s=30, what="not shown")
        finally:
            self._fed.set()
            self._over.set()
            feeder.join()
            watcher.join()

    def longest_s(self, since: float) -> float:
        """Return the longest time from put to shown, of what was put after an instant."""
        return max(self.shown_at[n] - at for n, at in self.put_at.items() if at >= since)

    def _event_log(self) -> None:
        for number in itertools.count(1):
            self.put_at[number] = time.monotonic()
            put(self._gateway.database_url, [signal_message(number, ago_s=0)])
            if self._fed.wait(0.1):
                return

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            rows = self._engine.get("/signals?limit=100").json()["data"]
            now = time.monotonic()
            for row in rows:
                self.shown_at.setdefault(int(row["message_id"]), now)


@contextlib.contextmanager
def two_engines(
    url: str, gateway: GatewayProcess, folder: Path
) -> Iterator[tuple[EngineProcess, EngineProcess]]:
    interval = str(int(INTERVAL_S * 1000))
    one, other = (
        EngineProcess(engine_environment(url, gateway.url, GATEWAY_POLLING_INTERVAL_MS=interval), folder)
        for _ in range(2)
    )
    with one:
        one.wait_healthy()
        with other:
            eventually(other.health, what="the second one does not start")
            yield one, other


def freeze_with_a_batch_in_hand(engine: EngineProcess, direct_url: str) -> None:
    """Stop the process while it holds the lock that each writer needs."""
    assert engine.process is not None
    with psycopg.connect(direct_url, autocommit=True) as connection:

        def holder() -> tuple[object, ...] | None:
            return connection.execute(_HOLDER.encode()).fetchone()

        ends_s = time.monotonic() + 60.0  # the lock is held for some milliseconds at a time
        while True:
            assert time.monotonic() < ends_s, "was never seen with a batch"
            if (held := holder()) is None:
                time.sleep(0.002)
                continue
            engine.process.send_signal(SIGSTOP)
            time.sleep(0.15)  # the other one, if it was that, goes on
            if holder() == held:
                return
            engine.process.send_signal(SIGCONT)


@pytest.mark.parametrize("way", ["pooled", "direct"], indirect=True)
@pytest.mark.timeout(180)
def test_fault_88_what_a_killed_engine_had_in_its_hands_is_shown_by_the_other_within_two_intervals(
    gateway: GatewayProcess, database_url: str, direct_url: str, folder: Path
) -> None:
    with two_engines(database_url, gateway, folder) as (survivor, victim):
        traffic = Traffic(gateway, survivor)
        with traffic.running():
            freeze_with_a_batch_in_hand(victim, direct_url)
            killed_at = time.monotonic()
            victim.kill()
            time.sleep(INTERVAL_S)
        assert traffic.longest_s(killed_at - INTERVAL_S) < 2 * INTERVAL_S + SLACK_S
        count = len(traffic.put_at)
    assert stored_signals(direct_url) == [(CHANNEL, str(n), expected_price(n)) for n in range(1, count + 1)]


@pytest.mark.timeout(180)
def test_fault_88_a_frozen_engine_holds_up_the_other_no_longer_than_a_transaction_may_idle(
    gateway: GatewayProcess, direct_url: str, pooler: int, folder: Path
) -> None:
    """As one whose machine is gone without a word. The role of this test has no limits of its own."""
    with two_engines(through(direct_url, pooler), gateway, folder) as (survivor, victim):
        traffic = Traffic(gateway, survivor)
        with traffic.running():
            freeze_with_a_batch_in_hand(victim, direct_url)
            frozen_at = time.monotonic()
            eventually(lambda: any(at > frozen_at for at in traffic.shown_at.values()), deadline_s=30)
        assert traffic.longest_s(frozen_at - INTERVAL_S) < IDLE_LIMIT_S + INTERVAL_S + SLACK_S
        assert victim.process is not None
        victim.process.send_signal(SIGCONT)
        count = len(traffic.put_at)
        assert victim.terminate() == 0
    assert stored_signals(direct_url) == [(CHANNEL, str(n), expected_price(n)) for n in range(1, count + 1)]
