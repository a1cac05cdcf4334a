"""Every resource on a fresh schema and with something in it: shapes, errors, conditional and compressed answers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from pydantic import BaseModel

from engine.model import Event, EventKind, MalformedMessage, Outcome, OutcomeKind
from ops.http.kit.problems import Problem
from ops.http.routes import channel_models, models, record, score, signal_models
from tests.support.outcomes import a_message, a_signal, item, malformed, signal_outcome
from tests.support.serving import Served, serving
from tests.support.stack import eventually

KEY = "k3y-of-the-test"
PROBLEM = "application/problem+json"
MODELS: dict[str, type[BaseModel]] = {
    "/health": models.Health,
    "/livez": models.Probe,
    "/readyz": models.Probe,
    "/signals": signal_models.FormerSignalPage,
    "/dead-letters": models.DeadLetterPage,
    "/backfill": models.BackfillAnswer,
    "/channels": channel_models.ChannelList,
    "/logs": models.LogPage,
    "/record": record.RecordBody,
    "/channels/-1001649127710/record": record.RecordBody,
    "/score/report": score.ScoreReport,
}


@pytest.fixture(scope="module")
def fresh(module_database_url: str) -> Iterator[Served]:
    """Serve a fresh schema; tests that need rows add their own, after those that need none."""
    with serving(module_database_url, TP_CAPITAL_API_KEY=KEY) as served:
        yield served


def get(served: Served, path: str, **headers: str) -> requests.Response:
    named = {"Accept-Encoding": "identity"} | {n.replace("_", "-"): v for n, v in headers.items()}
    return requests.get(served.url + path, headers=named, timeout=10)


def post(served: Served, path: str, *, key: str | None = KEY, **arguments: Any) -> requests.Response:
    headers = {"X-API-Key": key} if key else {}
    return requests.post(served.url + path, headers=headers, timeout=10, **arguments)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("path", ["/signals", "/dead-letters"])
def test_fault_27_every_list_is_empty_on_a_fresh_schema_and_not_an_error(
    fresh: Served, prefix: str, path: str
) -> None:
    answer = get(fresh, prefix + path)
    assert (answer.status_code, answer.json()) == (200, {"data": [], "nextCursor": None})


def _filled(path: str) -> str:
    file = "model.js" if path.startswith("/assets") else "docs.js"
    return path.replace("{id}", "1").replace("{name}", file).replace("{channel}", "-1")


def test_fault_27_every_documented_path_is_served_on_a_fresh_schema(fresh: Served) -> None:
    paths = get(fresh, "/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if "get" not in methods or path.endswith("/stream"):
            continue
        answer = get(fresh, _filled(path))
        # there is no signal or rule 1 yet, nor is channel -1 read; everything else is there, if empty
        missing = path.endswith(("/{id}", "/{channel}", "/{id}/deliveries"))
        assert answer.status_code == (404 if missing else 200), path


@pytest.mark.parametrize("path", sorted(MODELS))
def test_an_answer_holds_what_the_documentation_says_and_nothing_else(fresh: Served, path: str) -> None:
    MODELS[path].model_validate(get(fresh, path).json())


def test_a_signal_is_told_in_full_in_numbers_with_exact_digits_fault_25(fresh: Served) -> None:
    fresh.tell_writer(
        [signal_outcome(a_message(1), a_signal(buy_min=Decimal("0.2550"), stop=Decimal("0.1")))]
    )
    eventually(lambda: get(fresh, "/api/v1/signals").json()["data"])
    listed = get(fresh, "/api/v1/signals")
    assert b'"buy_min":0.2550,' in listed.content
    signal_models.SignalPage.model_validate(listed.json())
    (signal,) = listed.json()["data"]
    one = get(fresh, f"/signals/{signal['id']}")
    signal_models.SignalDetail.model_validate(one.json())
    assert {**one.json(), **signal} == one.json()


def test_a_page_becomes_csv_by_accept_or_by_name(fresh: Served) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    message = a_message(2, text=formula)
    fresh.tell_writer([signal_outcome(message, a_signal("VALE3", buy_min=Decimal("0.880")))])
    eventually(lambda: get(fresh, "/signals?asset=VALE3").json()["data"])
    by_accept = get(fresh, "/signals?asset=vale3", Accept="text/csv")
    by_name = get(fresh, "/api/v1/signals.csv?asset=vale3")
    assert by_accept.text == by_name.text
    assert by_name.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert by_name.headers["Content-Disposition"] == 'attachment; filename="signals.csv"'
    assert "Content-Disposition" not in by_accept.headers
    (row,) = csv.DictReader(io.StringIO(by_name.text))
    assert (row["asset"], row["buy_min"], row["raw_message"]) == ("VALE3", "0.880", f"'{formula}")


def test_csv_says_where_it_goes_on(fresh: Served) -> None:
    fresh.commit(10, 11, 12)
    path, ids = "/signals.csv?limit=2&type=Swing+Trade", []
    for _ in range(10):
        answer = get(fresh, path)
        ids += [int(row["id"]) for row in csv.DictReader(io.StringIO(answer.text))]
        if "X-Next-Cursor" not in answer.headers:
            break
        assert f"cursor={answer.headers['X-Next-Cursor']}" in answer.links["next"]["url"]
        path = answer.links["next"]["url"]
    assert sorted(ids) == sorted(s["id"] for s in get(fresh, "/api/v1/signals").json()["data"])
    assert len(set(ids)) == len(ids) >= 5


NDJSON = "application/x-ndjson"


@pytest.mark.parametrize("accept", ["application/json", NDJSON, "text/csv"])
def test_every_form_of_the_list_links_to_its_next_page(fresh: Served, accept: str) -> None:
    signal = a_signal("LINK3", buy_min=Decimal("0.2550"))
    fresh.tell_writer([signal_outcome(a_message(number), signal) for number in (61, 62, 63)])
    path, bodies = "/api/v1/signals?asset=LINK3", list[requests.Response]()
    eventually(lambda: len(get(fresh, path).json()["data"]) == 3)
    listed = get(fresh, path).json()["data"]
    path += "&limit=2"
    for _ in range(len(listed)):
        answer = get(fresh, path, Accept=accept)
        assert answer.headers["Content-Type"].startswith(accept)
        bodies.append(answer)
        if "next" not in answer.links:
            break
        path = answer.links["next"]["url"]
        assert path.endswith(f"&cursor={answer.headers['X-Next-Cursor']}")
    assert len(bodies) == 2
    if accept == NDJSON:
        lines = [line for answer in bodies for line in answer.text.splitlines()]
        assert [json.loads(line) for line in lines] == listed
        assert all('"buy_min":0.2550,' in line for line in lines), "with exact digits"


def test_a_page_has_the_fields_and_the_count_that_it_is_asked_for(fresh: Served) -> None:
    fresh.tell_writer(
        [signal_outcome(a_message(n), a_signal("PART3", stop=Decimal("1.50"))) for n in (71, 72)]
    )
    path = "/api/v1/signals?asset=PART3&limit=1&count=exact&fields=stop,id"
    eventually(lambda: get(fresh, "/api/v1/signals?asset=PART3").json()["data"])
    answer = get(fresh, path)
    assert answer.headers["Content-Type"] == "application/vnd.tp-capital.part+json"
    assert [list(signal) for signal in answer.json()["data"]] == [["id", "stop"]]
    assert (answer.json()["count"], answer.headers["X-Total-Count"]) == (2, "2")
    assert re.fullmatch(rb'{"id":[0-9]+,"stop":1.50}\n', get(fresh, path, Accept=NDJSON).content)
    assert get(fresh, path, Accept="text/csv").status_code == 400
    assert "count" not in get(fresh, "/api/v1/signals?asset=PART3").json()


def test_who_asks_since_the_last_change_gets_every_later_one_once(fresh: Served) -> None:
    """A signal counts as changed when it is stored and when something is said about it."""

    def changed(since: str) -> list[dict[str, Any]]:
        path = f"/api/v1/signals?sort=updated_at&asset=SYNC3&updated_since={since}"
        return list(get(fresh, path).json()["data"])

    at = datetime.now(UTC) - timedelta(hours=1)
    messages = [
        a_message(n, received_at=at, telegram_date=at + timedelta(minutes=n - 80)) for n in (81, 82, 83)
    ]
    for message in messages[:2]:
        fresh.tell_writer([signal_outcome(message, a_signal("SYNC3"))])
    eventually(lambda: len(changed("2026-01-01")) == 2)
    first, second = changed("2026-01-01")
    assert first["updated_at"] < second["updated_at"]
    told = replace(
        signal_outcome(messages[2]),
        kind=OutcomeKind.RESULT,
        signals=(),
        events=(Event(kind=EventKind.RESULT, asset="SYNC3", target=1),),
    )
    fresh.tell_writer([told])
    eventually(lambda: changed("2026-01-01")[-1]["status"] == "target_1")
    news = [signal for signal in changed(second["updated_at"]) if signal != second]
    assert [signal["status"] for signal in news] == ["target_1"]
    assert news[0]["updated_at"] > second["updated_at"]


def test_a_list_without_signals_is_no_line(fresh: Served) -> None:
    assert get(fresh, "/api/v1/signals?asset=NONE3", Accept=NDJSON).content == b""


@pytest.mark.parametrize(
    "path", ["/signals", "/api/v1/signals.csv?limit=9", "/dead-letters", "/openapi.json", "/docs"]
)
def test_who_has_this_version_is_told_so_fault_24(fresh: Served, path: str) -> None:
    answer = get(fresh, path)
    etag = answer.headers["ETag"]
    for known in (etag, f'W/{etag}, "other"', f'"other",{etag}', "*"):
        again = get(fresh, path, If_None_Match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    two_lines = (
        f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: "other"\r\nIf-None-Match: {etag}\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", fresh.port), timeout=10) as connection:
        connection.sendall(two_lines.encode())
        assert connection.recv(12) == b"HTTP/1.1 304", "a list may stand on several lines"
    for other in ('"other"', etag.strip('"'), ""):
        assert get(fresh, path, If_None_Match=other).status_code == 200


def test_a_large_page_is_compressed_for_who_takes_it_and_is_the_same(fresh: Served) -> None:
    fresh.commit(*range(20, 40))
    plain = get(fresh, "/signals")
    raw = requests.get(
        f"{fresh.url}/signals", headers={"Accept-Encoding": "br;q=1, gzip;q=0.5"}, stream=True, timeout=10
    )
    packed = raw.raw.read(decode_content=False)
    assert raw.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content
    assert len(packed) * 4 < len(plain.content)
    assert raw.headers["ETag"] == f"W/{plain.headers['ETag']}"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert get(fresh, "/signals", If_None_Match=raw.headers["ETag"]).status_code == 304
    for refused in ("identity", "gzip;q=0", ""):
        assert "Content-Encoding" not in get(fresh, "/signals", Accept_Encoding=refused).headers


def test_metrics_are_compressed_for_who_takes_it_too(fresh: Served) -> None:
    plain = get(fresh, "/metrics")
    raw = requests.get(f"{fresh.url}/metrics", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
    packed = raw.raw.read(decode_content=False)
    assert raw.headers["Content-Encoding"] == "gzip"
    assert raw.headers["Content-Type"] == plain.headers["Content-Type"]
    assert gzip.decompress(packed).startswith(b"# HELP ")
    assert len(packed) * 4 < len(plain.content)
    assert "Content-Encoding" not in plain.headers
    for answer in (plain, raw, get(fresh, "/logs")):
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_slash_at_the_end_and_a_head_change_nothing(fresh: Served) -> None:
    plain = get(fresh, "/signals")
    assert get(fresh, "/signals/").content == plain.content
    head = requests.head(f"{fresh.url}/signals", headers={"Accept-Encoding": "identity"}, timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert head.headers[name] == plain.headers[name]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("path", ["/signals", "/signals/1", "/dead-letters", "/signals/stream"])
def test_fault_26_what_cannot_be_deleted_says_that_nothing_was(fresh: Served, prefix: str, path: str) -> None:
    answer = requests.delete(fresh.url + prefix + path, headers={"X-API-Key": KEY}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, PROBLEM)
    assert "nothing was changed" in answer.json()["detail"]
    assert answer.headers["Allow"] == "GET, HEAD"
    # whoever asks: what does not exist needs no key
    assert requests.delete(fresh.url + prefix + path, timeout=10).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("PUT", "/signals", 405), ("POST", "/health", 405), ("DELETE", "/channels", 405)),
        *(("POST", "/nowhere", 404), ("DELETE", "/api/v1/nothing", 404)),
        *(
            ("POST", "/channels", 401),
            ("DELETE", "/channels/-1", 401),
            ("POST", "/dead-letters/1/retry", 401),
        ),
    ],
)
def test_only_an_operation_that_exists_asks_for_the_key(
    fresh: Served, method: str, path: str, status: int
) -> None:
    answer = requests.request(method, fresh.url + path, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/ready", "/readyz"])
def test_a_probe_that_is_well_says_healthy(fresh: Served, path: str) -> None:
    eventually(lambda: requests.get(fresh.url + path, timeout=10).ok, what=path)
    assert requests.get(fresh.url + path, timeout=10).json()["status"] == "healthy"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/signals/1?foo=1", 400),
        ("POST", "/dead-letters/1/retry?foo=1", 400),
        ("GET", "/signals/999999999", 404),
        ("GET", "/signals/abc", 400),
        ("GET", "/signals/9999999999999999999", 400),
        ("GET", "/docs/secret.txt", 404),
        ("GET", "/docs/..%2fmodels.py", 404),
        ("PUT", "/signals", 405),
        ("POST", "/health", 405),
        ("GET", "/sync-messages", 405),
        ("GET", "/logs?level=loud", 400),
        ("GET", "/logs?after=-1", 400),
        ("GET", "/logs?after=", 400),
        ("GET", "/dead-letters?cursor=", 400),
        ("GET", "/signals?search=%ff", 400),
        ("GET", "/api/v1/channels?%ff", 400),
        ("GET", "/dead-letters?limit=0&cursor=x", 400),
        ("POST", "/dead-letters/999/retry", 404),
        ("POST", "/dead-letters/x/retry", 400),
    ],
)
def test_every_error_is_a_problem_document_fault_21(
    fresh: Served, method: str, path: str, status: int
) -> None:
    answer = requests.request(method, fresh.url + path, headers={"X-API-Key": KEY}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    Problem.model_validate(answer.json())
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"{", 400, ["body"]),
        (b"[]", 400, ["body"]),
        (b'{"limit":0,"x":1}', 400, ["limit", "x"]),
        (b'{"limit":5}', 503, []),
        (b'{"limit":5.0}', 503, []),
        (b'{"limit":"5"}', 400, ["limit"]),
        (b'{"limit":true}', 400, ["limit"]),
        (b" " * 70_000, 413, []),
        (b"", 503, []),
    ],
)
def test_a_body_is_bounded_and_read_as_documented_fault_21(
    fresh: Served, body: bytes, status: int, fields: list[str]
) -> None:
    """503: it was taken, and the gateway of these tests cannot sync."""
    answer = post(fresh, "/sync-messages", data=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM)
    assert [error["field"] for error in answer.json().get("errors", [])] == fields


def test_a_body_of_unknown_length_is_bounded_too(fresh: Served) -> None:
    answer = post(fresh, "/sync-messages", data=iter([b" " * 40_000] * 2))
    assert answer.status_code == 413


def test_dead_letters_are_listed_in_pages_and_retried_one_by_one(fresh: Served) -> None:
    fresh.tell_writer([_unreadable(number) for number in range(501, 506)])
    eventually(lambda: len(get(fresh, "/dead-letters").json()["data"]) == 5)
    first = get(fresh, "/dead-letters?limit=3").json()
    second = get(fresh, f"/dead-letters?limit=3&cursor={first['nextCursor']}&raw=true").json()
    letters = first["data"] + second["data"]
    assert [letter["message_id"] for letter in letters] == [str(n) for n in range(501, 506)]
    assert second["nextCursor"] is None
    assert "raw" not in first["data"][0]
    assert json.loads(second["data"][0]["raw"])["id"] == "g504"
    letter = letters[0]
    assert post(fresh, f"/dead-letters/{letter['id']}/retry", key=None).status_code == 401
    answer = post(fresh, f"/dead-letters/{letter['id']}/retry")
    assert (answer.status_code, answer.json()) == (202, {"id": letter["id"], "queued": True})
    # it cannot be read this time either, which is one more attempt
    eventually(lambda: get(fresh, "/dead-letters?limit=1").json()["data"][0]["attempts"] == 2)


def _unreadable(number: int) -> Outcome:
    """Return the outcome of a message without its text."""
    letter = malformed(number)
    assert isinstance(letter.message, MalformedMessage)
    raw = json.dumps(item(id=f"g{number}", messageId=str(number), text=...))
    return replace(letter, message=replace(letter.message, raw=raw))


def test_the_index_names_every_path(fresh: Served) -> None:
    index = get(fresh, "/").json()
    documented = set(get(fresh, "/openapi.json").json()["paths"])
    assert {path if path in documented else f"/api/v1{path}" for path in index["paths"]} == documented


def test_the_documentation_needs_no_other_host(fresh: Served) -> None:
    page = get(fresh, "/docs").text
    parts = [part.split('"')[0] for name in ("href=", "src=") for part in page.split(f'{name}"')[1:]]
    assert parts
    for part in parts:
        assert part.startswith("#") or get(fresh, f"/{part}").ok
    for name in ("docs.css", "docs.js", "schema.js", "trying.js"):
        assert "://" not in get(fresh, f"/docs/{name}").text
    assert "script-src 'self'" in get(fresh, "/docs").headers["Content-Security-Policy"]


def test_requests_are_counted_by_route_and_status_and_not_by_address(fresh: Served) -> None:
    get(fresh, "/signals/77777777")
    get(fresh, "/nowhere/at/all")
    text = get(fresh, "/metrics").text
    assert 'tpcapital_http_requests_total{method="GET",route="/signals/{id}",status="404"}' in text
    assert 'route="other",status="404"}' in text
    assert "77777777" not in text
