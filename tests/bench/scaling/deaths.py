"""Readers behind the proxy while the processes that serve are killed in turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.bench.scaling.readers import Readers, read_right
from tests.bench.scaling.site import Site
from tests.support.haproxy import behind_proxy
from tests.support.messages import put, signal_message
from tests.support.stack import EngineProcess, eventually

__all__ = ["Served", "serve_and_kill"]

_CHANNEL = "-1005000001"
_SIGNALS = 200
_PATHS = ("/signals?limit=50", "/signals?limit=100&sort=ts", "/signals/7", "/signals?asset=PETR4&limit=20")


@dataclass(slots=True, kw_only=True)
class Served:
    """What readers got. At most ``in_flight`` requests may have failed: one of each reader at each kill."""

    kills: int = 0
    right: int = 0
    in_flight: int = 0
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether no answer was wrong, and only requests in flight failed."""
        return not self.wrong and len(self.failed) <= self.in_flight


def serve_and_kill(site: Site, folder: Path, *, wanted: int, readers: int) -> Served:
    """Have readers ask until there were enough requests, and kill one process after the other meanwhile."""
    database = site.database()
    writing = site.engine(database, [_CHANNEL], TP_CAPITAL_ROLE="ingest")
    site.wait_reading(writing)
    put(site.gateway.database_url, [signal_message(n, channel=_CHANNEL) for n in range(1, _SIGNALS + 1)])
    engines = [
        site.engine(database, [_CHANNEL], TP_CAPITAL_ROLE="serve", TP_CAPITAL_TRUSTED_PROXIES="127.0.0.1")
        for _ in range(2)
    ]
    with behind_proxy(folder, *(engine.port for engine in engines)) as port:
        for engine in engines:
            eventually(lambda engine=engine: _has_all(engine), deadline_s=120)
        right = read_right(engines[0].port, _PATHS)
        found, asked = Served(), Readers(port, right, requests=wanted)
        with asked.reading(readers):
            while asked.right + len(asked.failed) + len(asked.wrong) < wanted:
                engine = engines[found.kills % 2]
                engine.kill()
                found.kills += 1
                engine.start()
                eventually(lambda engine=engine: _has_all(engine), deadline_s=120)
    found.right, found.failed, found.wrong = asked.right, asked.failed, asked.wrong
    found.in_flight = found.kills * readers
    return found


def _has_all(engine: EngineProcess) -> bool:
    try:
        answer = engine.get(f"/signals?limit={_SIGNALS}")
    except requests.RequestException:
        return False
    return answer.ok and len(answer.json()["data"]) == _SIGNALS
