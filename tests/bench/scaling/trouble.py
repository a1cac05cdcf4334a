"""The broker is away for a minute, or takes no messages: polling takes over, nothing is missed, and health says it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from tests.bench.scaling.posting import Posting
from tests.bench.scaling.site import Site, rows_of
from tests.support.stack import EngineProcess, eventually

__all__ = ["Outage", "alarm", "outage"]

_STORED = "select count(*) from ledger"
_DOUBLED = "select 1 from tp_capital_signals group by channel, message_id, position having count(*) > 1"
_TAKEN_OVER_S = 15.0


@dataclass(slots=True, kw_only=True)
class Outage:
    """What was seen. Times are seconds after the broker went or came back."""

    posted: int = 0
    missed: int = 0
    doubled: int = 0
    first_poll_s: float = 0.0
    given_back_s: float = 0.0
    engine_said: str = ""
    gateway_said: str = ""

    @property
    def well(self) -> bool:
        """Whether polling took over in time, nothing is missed, and both sides said what is wrong."""
        return (
            not (self.missed or self.doubled)
            and self.first_poll_s <= _TAKEN_OVER_S
            and bool(self.engine_said or self.gateway_said)
        )


def outage(site: Site, *, channels: int, each: int, away_s: float) -> Outage:
    """Kill the broker under load, bring it back after a while."""

    def away() -> Callable[[], object]:
        site.broker.server.node.kill()
        return site.broker.server.start

    return _under_load(site, away, channels=channels, each=each, away_s=away_s, engine_notices=True)


def alarm(site: Site, *, channels: int, each: int, away_s: float) -> Outage:
    """Let the broker run short of memory under load: it then takes no messages, and delivers those it has."""

    def away() -> Callable[[], object]:
        site.broker.control("set_vm_memory_high_watermark", "0.0000001")
        return lambda: site.broker.control("set_vm_memory_high_watermark", "0.4")

    return _under_load(site, away, channels=channels, each=each, away_s=away_s, engine_notices=False)


def _under_load(
    site: Site,
    away: Callable[[], Callable[[], object]],
    *,
    channels: int,
    each: int,
    away_s: float,
    engine_notices: bool,
) -> Outage:
    names = [f"-1006{number:06d}" for number in range(channels)]
    database, found = site.database(), Outage()
    engine = site.engine(database, names, TP_CAPITAL_SOURCE="both")
    site.wait_reading(engine)
    # so that messages come before, meanwhile and after
    posting = Posting(site.gateway.database_url, names, each=each, lasting_s=2 * away_s + _TAKEN_OVER_S)
    found.posted = posting.total
    thread = posting.start()
    eventually(lambda: _stored(database) > posting.total // 20, deadline_s=120)
    polls = engine.metric("tpcapital_polls_total")
    back, began_s = away(), time.monotonic()
    if engine_notices:
        eventually(lambda: engine.metric("tpcapital_polls_total") > polls + channels, deadline_s=120)
        found.first_poll_s = time.monotonic() - began_s
        found.engine_said = str(engine.detail("broker", "error"))
    else:
        eventually(
            lambda: _gateway_says(site), deadline_s=120, what="the gateway does not say that it is blocked"
        )
    found.gateway_said = _gateway_says(site)
    threading.Event().wait(max(0.0, began_s + away_s - time.monotonic()))
    back()
    began_s = time.monotonic()
    eventually(lambda: engine.check("broker") == "healthy", deadline_s=180)
    found.given_back_s = time.monotonic() - began_s
    thread.join(600)
    eventually(
        lambda: _stored(database) == posting.total and _quiet(site), deadline_s=600, what="some are missing"
    )
    found.missed = posting.total - _stored(database)
    found.doubled = len(rows_of(database, _DOUBLED))
    _polls_rest(engine)
    return found


def _stored(database: str) -> int:
    return int(rows_of(database, _STORED)[0][0])


def _gateway_says(site: Site) -> str:
    outbox = requests.get(f"{site.gateway.url}/health", timeout=10).json().get("outbox", {})
    return str(outbox.get("error") or "")


def _quiet(site: Site) -> bool:
    return site.broker.waiting(site.queue) == 0


def _polls_rest(engine: EngineProcess) -> None:
    """Wait until polls look once a minute again: in ten seconds there are hardly any."""

    def rests() -> bool:
        before = engine.metric("tpcapital_polls_total")
        threading.Event().wait(5)
        return engine.metric("tpcapital_polls_total") - before <= 3

    eventually(rests, deadline_s=120, what="polling was not given back")
