"""Keys of a running daemon: named, of two scopes, read again on SIGHUP, told of in its log (faults 58, 59)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.stack import EngineProcess, engine_environment, eventually

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("grafana:read:the-key-that-reads\nscripts:write:the-key-that-writes\n")
    return path


@pytest.fixture
def engine(keys_file: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    """Run one that has neither database nor gateway: whom it serves depends on neither."""
    environment = engine_environment(
        f"postgresql://nobody@{NOWHERE}/nothing",
        f"http://{NOWHERE}",
        TP_CAPITAL_API_KEYS_FILE=str(keys_file),
        TP_CAPITAL_READ_KEY_REQUIRED="1",
    )
    with EngineProcess(environment, tmp_path) as running:
        eventually(lambda: running.health() != {}, deadline_s=90)
        yield running


def status(engine: EngineProcess, key: str, method: str = "GET", path: str = "/logs") -> int:
    return requests.request(method, engine.url + path, headers={"X-API-Key": key}, timeout=10).status_code


def test_faults_58_and_59_keys_are_named_exchanged_and_traced(engine: EngineProcess, keys_file: Path) -> None:
    write = ("POST", "/dead-letters/1/retry")
    assert (status(engine, "the-key-that-reads"), status(engine, "the-key-that-reads", *write)) == (200, 403)
    assert status(engine, "the-key-that-writes", *write) not in (401, 403)
    for _ in range(45):
        assert status(engine, "a-wrong-key") == 403

    keys_file.write_text("scripts:write:the-newer-key\n")
    os.kill(_pid(engine), signal.SIGHUP)
    eventually(lambda: status(engine, "the-newer-key", *write) not in (401, 403))
    assert (status(engine, "the-key-that-writes", *write), status(engine, "the-key-that-reads")) == (403, 403)

    keys_file.write_text("no keys at all\n")
    os.kill(_pid(engine), signal.SIGHUP)
    eventually(lambda: any(line["event"] == "keys.kept" for line in engine.log_lines()))
    assert status(engine, "the-newer-key") == 200

    assert engine.terminate() == 0
    lines = engine.log_lines()
    (written, *_) = [line for line in lines if line["event"] == "write.served"]
    assert (written["key"], written["address"], written["path"]) == ("scripts", "127.0.0.1", write[1])
    refused = [line for line in lines if line["event"] == "request.refused"]
    assert 0 < len(refused) < 10
    (taken,) = [line for line in lines if line["event"] == "keys.taken"]
    assert taken["names"] == ["scripts (write)"]
    for key in ("the-key-that", "the-newer-key", "a-wrong-key", "no keys at all"):
        assert key not in engine.log_text()


def _pid(engine: EngineProcess) -> int:
    assert engine.process is not None
    return engine.process.pid
