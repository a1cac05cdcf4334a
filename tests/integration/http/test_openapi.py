"""The service against its own document, and the document against what generators of clients need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from ops.http.routes.syncing import SYNC_PATH
from tests.support.httpstub import Answer, Request, json_answer
from tests.support.outcomes import a_message, malformed, signal_outcome
from tests.support.servers import need_client_tools
from tests.support.serving import Served, serving
from tests.support.stack import eventually

KEY = "key-of-the-document"
CLIENTS = Path(__file__).parents[2] / "clients"
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


#: The document lists no names of time zones: a text that is none is refused. 414, because many long values make a target
#: that is too long, whether each is valid or not. Parameters of the list are valid alone and may be refused together. No schema
#: says which addresses of alerts there are.
_CONFIGURED = """
[parameters]
"query.tz" = "America/Sao_Paulo"
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, "5xx"]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 414, 429, "5xx"]
[[operations]]
include-path-regex = "/alerts"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 429, "5xx"]
[[operations]]
include-path = "/api/v1/signals"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 414, "5xx"]
"""


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    return served.engine.get("/openapi.json").json()


def test_the_document_is_valid(document: Any) -> None:
    validate(document)


def test_every_parameter_and_every_field_is_described(document: Any) -> None:
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    parameters = [parameter for operation in operations for parameter in operation["parameters"]]
    assert len(parameters) > 20
    assert [parameter["name"] for parameter in parameters if not parameter.get("description")] == []
    schemas = document["components"]["schemas"]
    fields = {
        f"{name}.{field}": about
        for name, schema in schemas.items()
        for field, about in schema.get("properties", {}).items()
    }
    assert len(fields) > 100
    assert [name for name, about in fields.items() if not about.get("description")] == []


def test_an_operation_with_an_alias_is_listed_once(served: Served, document: Any) -> None:
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    for name in ("/signals", "/signals.csv", "/channels", "/logs", "/healthz", "/summary"):
        assert name not in document["paths"]
        assert "get" in document["paths"][f"/api/v1{name}"]
        assert served.engine.get(name).ok


def test_no_type_is_a_union_with_the_empty_text(served: Served, document: Any) -> None:
    assert 'maxLength": 0' not in json.dumps(document)
    assert served.engine.get("/api/v1/signals?side=&asset=&from=&sort=").ok, (
        "an empty parameter counts as none"
    )


def test_words_that_cannot_be_others_are_enumerations(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for model, field in (
        *(("SignalObject", "side"), ("SignalObject", "status"), ("SignalNow", "status")),
        ("SignalEvent", "kind"),
    ):
        name = schemas[model]["properties"][field]["$ref"].rpartition("/")[2]
        assert len(schemas[name]["enum"]) > 1
    assert schemas["SignalObject"]["properties"]["warnings"]["items"]["$ref"].endswith("/SignalWarning")


# ── generated clients ────────────────────────────────────────────────────────


@pytest.fixture
def run(document: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a tool in a folder with the document and the clients' sources."""
    tools = need_client_tools()
    shutil.copytree(CLIENTS, tmp_path, dirs_exist_ok=True)
    tmp_path.joinpath("node_modules").symlink_to(tools / "node_modules")
    tmp_path.joinpath("openapi.json").write_text(json.dumps(document))

    def run_one(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(tools / "bin" / program), *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )

    return run_one


def what_it_reads(served: Served) -> Any:
    """Return what a client must have read."""
    listed = served.engine.get("/api/v1/signals").json()["data"]
    buys = [signal["id"] for signal in listed]
    return {"buys": buys, "sells": [], "status": listed[0]["status"], "missing": 404}


def test_a_generated_python_client_reads(
    served: Served, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    arguments = ("--path", "openapi.json", "--output-path", "tp_capital_client", "--meta", "none")
    made = run(
        "openapi-python-client", "generate", *arguments, "--config", "generator.yaml", "--fail-on-warning"
    )
    assert made.returncode == 0, made.stdout + made.stderr
    read = run("python", "reader.py", served.url, KEY)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout) == what_it_reads(served)


def test_a_generated_typescript_client_compiles_strictly_and_reads(
    served: Served, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    made = run("node", "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.d.ts")
    assert made.returncode == 0, made.stderr
    compiled = run("node", "node_modules/typescript/bin/tsc", "--project", ".")
    (error,) = [line for line in compiled.stdout.splitlines() if ": error " in line]
    assert error.startswith("wrong.ts")
    assert '"comprar"' in error
    read = run("node", "reader.ts", served.url, KEY)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout) == what_it_reads(served)


# ── every answer ─────────────────────────────────────────────────────────────


@pytest.mark.timeout(420)
def test_every_answer_is_as_the_document_says(served: Served, tmp_path: Path) -> None:
    """All checks, with examples, borders, random values, and sequences along the document's links."""
    tmp_path.joinpath("schemathesis.toml").write_text(_CONFIGURED, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            # a seed that makes no date without hyphens, such as 20261120: it is served, and as a number it is too small
            *("--max-examples", "12", "--seed", "2", "--no-color"),
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
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    assert "stateful" in done.stdout.lower()
