"""Everything is killed, again and again, while messages come: nothing is lost or doubled, and the end state is the same."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from tests.bench.scaling.posting import Posting
from tests.bench.scaling.site import Site, rows_of
from tests.support.stack import EngineProcess, eventually

__all__ = ["Killed", "Killing", "kill_all"]

#: all that a reader can see, without numbers that count commits
_STATE = {
    "messages": "select channel, message_id, outcome, reason, text from ledger order by channel, message_id::int",
    "signals": "select channel, message_id, position, asset, buy_min, targets, stop from tp_capital_signals "
    "order by channel, message_id::int, position",
    "events": "select channel, message_id, position, to_jsonb(e) - array['id', 'commit_number', 'created_at'] "
    "from signal_events as e order by channel, message_id::int, position",
}
_STORED = "select count(*) from ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    """How much is posted, to how many processes, and how often each kind of part is killed."""

    channels: int = 50
    messages: int = 50_000
    processes: int = 4
    engine_kills: int = 5
    gateway_kills: int = 5
    broker_kills: int = 2
    postgres_kills: int = 2
    deadline_s: float = 1800.0


@dataclass(slots=True, kw_only=True)
class Killed:
    """What was found. ``differs`` has the kinds of rows that are not those of one process that reads in order."""

    kills: int = 0
    seconds: float = 0.0
    posted: int = 0
    lost: int = 0
    doubled: int = 0
    differs: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nothing is lost, doubled or different."""
        return not (self.lost or self.doubled or self.differs)


def kill_all(site: Site, plan: Killing, *, seed: int = 1) -> Killed:
    """Post, kill, wait until all is stored, and compare with one process that reads the history in order."""
    channels = [f"-1007{number:06d}" for number in range(plan.channels)]
    database, found = site.database(), Killed()
    engines = [
        site.engine(database, channels, TP_CAPITAL_ROLE="ingest", GATEWAY_BATCH_SIZE="100")
        for _ in range(plan.processes)
    ]
    site.wait_reading(*engines)
    posting = Posting(site.gateway.database_url, channels, each=plan.messages // plan.channels)
    found.posted = posting.total
    began_s = time.monotonic()
    posting_thread = posting.start()
    for number, kill in enumerate(_kills(site, engines, plan, seed)):
        # in the midst of the work, whatever it has come to
        wanted = posting.total * (number + 1) // (2 + _count(plan))
        eventually(
            lambda wanted=wanted: _all_run(engines) and _stored(database) >= wanted,
            deadline_s=plan.deadline_s,
        )
        kill()
        found.kills += 1
    posting_thread.join(plan.deadline_s)
    eventually(
        lambda: _all_run(engines) and _is_read(site, database),
        deadline_s=plan.deadline_s,
        what="not all is read",
    )
    found.seconds = time.monotonic() - began_s
    for engine in engines:
        engine.kill()
    _compare(site, database, channels, found, deadline_s=plan.deadline_s)
    return found


def _count(plan: Killing) -> int:
    return plan.processes * plan.engine_kills + plan.gateway_kills + plan.broker_kills + plan.postgres_kills


def _kills(site: Site, engines: list[EngineProcess], plan: Killing, seed: int) -> list[Callable[[], None]]:
    def again(engine: EngineProcess) -> Callable[[], None]:
        def kill() -> None:
            engine.kill()
            engine.start()

        return kill

    kills = [again(engine) for engine in engines] * plan.engine_kills
    kills += [site.gateway_again] * plan.gateway_kills + [site.broker_again] * plan.broker_kills
    kills += [site.postgres_again] * plan.postgres_kills
    random.Random(seed).shuffle(kills)
    return kills


def _all_run(engines: list[EngineProcess]) -> bool:
    """Start those anew that have ended: somebody's connection may have taken the port of one that was killed."""
    for engine in engines:
        if engine.process is None or engine.process.poll() is not None:
            engine.start()
    return True


def _stored(database: str) -> int:
    try:
        return int(rows_of(database, _STORED)[0][0])
    except psycopg.OperationalError:
        return 0


def _is_read(site: Site, database: str) -> bool:
    """Tell whether the outbox and the queue are empty, and the newest edition of each message is stored."""
    try:
        if rows_of(site.gateway.database_url, "select 1 from telegram_gateway.outbox limit 1"):
            return False
    except psycopg.OperationalError:
        return False
    return site.broker.waiting(site.queue) == 0 and not _unread(site, database)


def _unread(site: Site, database: str) -> int:
    posted = set(
        rows_of(
            site.gateway.database_url, "select channel_id, message_id, text from telegram_gateway.messages"
        )
    )
    return len(posted - set(rows_of(database, "select channel, message_id, text from ledger")))


def _compare(site: Site, database: str, channels: list[str], found: Killed, *, deadline_s: float) -> None:
    in_order = site.database()
    reader = site.engine(in_order, channels, TP_CAPITAL_SOURCE="poll", TP_CAPITAL_BACKFILL_DELAY_S="0")
    eventually(lambda: _imported(reader), deadline_s=deadline_s, what="the one process has not read all")
    reader.kill()
    found.lost = _unread(site, database)
    signals = Counter(row[:3] for row in rows_of(database, _STATE["signals"]))
    found.doubled = sum(count - 1 for count in signals.values())
    found.differs = [
        kind for kind, query in _STATE.items() if rows_of(database, query) != rows_of(in_order, query)
    ]


def _imported(reader: EngineProcess) -> bool:
    if not reader.health():
        return False
    answer = reader.get("/backfill")
    return answer.ok and bool(answer.json()["completed"])
