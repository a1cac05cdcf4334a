"""What the process keeps in memory has one bound, whoever keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from config import load_settings
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.http.server.ready import READY_BYTES
from ops.stores import Stores
from storage.pages import EVENTS_BYTES, PAGES_BYTES


@pytest.mark.parametrize("redis", ["0", "1"])
def test_fault_91_pages_day_copies_and_answers_share_one_bound(monkeypatch: Any, redis: str) -> None:
    monkeypatch.setenv("REDIS_ENABLED", redis)
    timers = TimerThread()
    try:
        stores = Stores(load_settings(env_file=None), clock=SystemClock(), timers=timers)
    finally:
        timers.close()
    assert (stores.pages is stores.memory) is (redis == "0")
    for number in range(40):
        stores.memory.put(f"last:{number}", bytes(1024 * 1024), ttl_s=60)
        stores.memory.put(f"page:7:{number}", bytes(1024 * 1024), ttl_s=60)
    assert stores.memory.size_bytes <= PAGES_BYTES
    # of 120 MB a daemon without work takes 90
    assert PAGES_BYTES + EVENTS_BYTES + READY_BYTES <= 16 * 1024 * 1024
