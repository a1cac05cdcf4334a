"""The service against its own document: schemathesis looks for answers that are not told of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.http.routes.syncing import SYNC_PATH
from tests.support.httpstub import Answer, Request, json_answer
from tests.support.outcomes import a_message, malformed, signal_outcome
from tests.support.serving import Served, serving
from tests.support.stack import eventually

KEY = "key-of-the-document"
_SYNCED = {"totalMessagesSynced": 0, "totalMessagesSaved": 0, "channelsSynced": []}
_EMPTY = {
    "success": True,
    "data": [],
    "count": 0,
    "pagination": {"total": 0, "limit": 500, "offset": 0, "hasMore": False},
}


def gateway(request: Request) -> Answer:
    """Answer as a gateway that has nothing and fetches nothing."""
    return json_answer({"success": True, "data": _SYNCED} if SYNC_PATH in request.path else _EMPTY)


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    """Serve something of each kind."""
    with serving(module_database_url, TP_CAPITAL_API_KEY=KEY, RATE_LIMIT_MAX_REQUESTS="1000000") as running:
        running.gateway.answer_by(gateway)
        running.commit(1, 2, 3)
        running.tell_writer([malformed(50), signal_outcome(a_message(4))])
        eventually(lambda: running.engine.get("/dead-letters").json()["data"])
        yield running


#: 414, because many long values make a target that is too long, whether each is valid or not
_CONFIGURED = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, "5xx"]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 414, 429, "5xx"]
"""


@pytest.mark.timeout(240)
def test_every_answer_is_as_the_document_says(served: Served, tmp_path: Path) -> None:
    """All checks, with examples, borders, random values, and sequences along the document's links."""
    (tmp_path / "schemathesis.toml").write_text(_CONFIGURED, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", "12", "--seed", "1", "--no-color"),
            # one worker: of two, one would remove what the other has just added
            *("--workers", "1"),
            # an open stream has no end to wait for: tests/integration/http/test_stream.py
            *("--exclude-path-regex", "/stream$"),
            *("--header", f"X-API-Key: {KEY}", "--suppress-health-check", "all"),
        ],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=230,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    assert "stateful" in done.stdout.lower()
