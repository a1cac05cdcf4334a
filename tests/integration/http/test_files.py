"""Whole lists as files: complete or visibly broken off, in constant memory, and at nobody's expense."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import psutil
import psycopg
import pytest
import requests
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ops.http.routes import export
from tests.bench.signal_rows import add_signals
from tests.support.databases import SCHEMA
from tests.support.proxy import TcpProxy
from tests.support.serving import Served, serving
from tests.support.stack import eventually

#: their file is larger than what the buffers between server and reader hold
MANY = 20_000
MB = 1024 * 1024
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def network(module_database_url: str) -> Iterator[TcpProxy]:
    place = conninfo_to_dict(module_database_url)
    with TcpProxy(str(place["host"]), int(str(place["port"]))) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def served(module_database_url: str, network: TcpProxy) -> Iterator[Served]:
    """Serve very many signals from behind a network that can be cut."""
    with serving(make_conninfo(module_database_url, port=network.port)) as one:
        add_signals(module_database_url, schema=SCHEMA, count=MANY)
        # the engine has its pages by the commit number
        with psycopg.connect(module_database_url, autocommit=True) as connection:
            connection.execute(f'update "{SCHEMA}".commits set number = number + 1'.encode())
        yield one


@pytest.fixture
def answer(served: Served) -> Iterator[requests.Response]:
    """Ask for the whole list, and read only its beginning."""
    with get(served, "/signals.csv", stream=True, headers={"Accept-Encoding": "identity"}) as begun:
        assert begun.raw.read(10)
        yield begun


def get(served: Served, path: str, **arguments: Any) -> requests.Response:
    return requests.get(served.url + path, timeout=60, **arguments)


def test_a_whole_list_is_complete_and_takes_no_memory(served: Served) -> None:
    process = psutil.Process()
    size, lines, held = 0, 0, list[int]()
    with get(served, "/signals.csv", stream=True, headers={"Accept-Encoding": "identity"}) as whole:
        assert whole.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert "X-Next-Cursor" not in whole.headers
        for chunk in whole.iter_content(MB):
            size += len(chunk)
            lines += chunk.count(b"\r\n")
            held.append(process.memory_info().rss)
    # texts have line ends of their own, without a carriage return
    assert lines == MANY + 1
    assert size > 12 * MB
    more = (max(held) - held[0]) / MB
    assert more < 5, f"{more:.0f} MB more at the end of a file of {size / MB:.0f} MB than at its beginning"


def test_a_compressed_list_is_the_same(served: Served) -> None:
    plain, packed = (
        get(served, "/signals.csv?asset=PETR2", headers={"Accept-Encoding": coding})
        for coding in ("identity", "gzip")
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    rows = list(csv.DictReader(io.StringIO(plain.text)))
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)
    listed = get(served, "/api/v1/signals?asset=PETR2&limit=1000").json()["data"]
    assert [int(row["id"]) for row in rows] == [signal["id"] for signal in listed]
    # one shape, whether a page or the whole
    page = get(served, f"/signals.csv?asset=PETR2&limit={len(rows)}")
    assert page.content == plain.content


def test_a_limit_is_a_page_and_a_cursor_goes_on(served: Served) -> None:
    page = get(served, "/signals.csv?asset=PETR4&limit=3")
    assert len(page.text.splitlines()) > 3
    rest = get(served, f"/signals.csv?asset=PETR4&cursor={page.headers['X-Next-Cursor']}")
    both = [
        row["id"] for text in (page.text, rest.text) for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    whole = csv.DictReader(io.StringIO(get(served, "/signals.csv?asset=PETR4").text, newline=""))
    assert both == [row["id"] for row in whole]


def test_the_brazilian_dialect_is_for_a_brazilian_spreadsheet(served: Served) -> None:
    for limit in ("", "&limit=5"):
        answer = get(served, f"/signals.csv?asset=PETR5&dialect=excel-br{limit}")
        assert answer.content.startswith(b"\xef\xbb\xbfid;time;ts;")
        row = next(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))
        (signal,) = get(served, "/api/v1/signals?asset=PETR5&limit=1").json()["data"]
        local = datetime.fromtimestamp(int(row["ts"]) / 1000, ZoneInfo("America/Sao_Paulo"))
        assert row["time"] == f"{local:%d/%m/%Y %H:%M:%S}"
        assert float(row["buy_min"].replace(",", ".")) == signal["buy_min"]
        assert "," in row["targets"]
        assert "." not in row["targets"]
    assert get(served, "/signals.csv?dialect=excel").status_code == 400


def test_a_workbook_has_the_same_signals(served: Served) -> None:
    answer = get(served, "/signals.xlsx?asset=PETR6")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, WORKBOOK)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="signals.xlsx"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        rows = list(ET.fromstring(book.read("xl/worksheets/sheet1.xml")).iter(f"{SHEET}row"))
    listed = get(served, "/api/v1/signals?asset=PETR6&limit=1000").json()["data"]
    assert len(rows) == len(listed) + 1
    assert [int(str(row[0][0].text)) for row in rows[1:]] == [signal["id"] for signal in listed]
    # a spreadsheet counts days, and its times are local
    local = datetime.fromtimestamp(listed[0]["ts"] / 1000, ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None)
    day_zero = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert abs(day_zero + timedelta(days=float(str(rows[1][1][0].text))) - local) < timedelta(seconds=1)


def test_a_head_of_a_file_reads_nothing(served: Served) -> None:
    for name, media_type in (("csv", "text/csv; charset=utf-8; header=present"), ("xlsx", WORKBOOK)):
        head = requests.head(f"{served.url}/signals.{name}", timeout=10)
        assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", media_type)
        # a length of 0 would say that the file is empty
        assert "Content-Length" not in head.headers


def test_a_slow_reader_holds_no_connection(served: Served, answer: requests.Response) -> None:
    database = served.engine.daemon._stores.database
    # what fits between us is read at once; then nothing is, for as long as we take nothing
    eventually(lambda: database.stats()["read"].longest_s == 0.0)
    assert get(served, "/signals?limit=1").status_code == 200


def test_so_many_files_and_no_more_are_in_progress(
    served: Served, answer: requests.Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(export, "_MOST", 1)
        for path in ("/signals.csv", "/signals.xlsx"):
            refused = get(served, path)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
            assert "in progress" in refused.json()["detail"]
        answer.close()
        # who leaves makes room
        eventually(lambda: get(served, "/signals.csv?asset=PETR8").status_code == 200)


def test_a_list_that_the_database_did_not_complete_looks_broken(
    served: Served,
    network: TcpProxy,
    answer: requests.Response,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(export, "_log", log)
    network.refuse()
    network.cut()
    try:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            assert list(answer.iter_content(MB))
        for path in ("/signals.csv", "/signals.xlsx"):
            refused = get(served, path)
            assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
    finally:
        network.accept()
    eventually(lambda: get(served, "/signals.csv?asset=PETR9").status_code == 200)
    (told,) = log.calls
    assert (told.method_name, told.args) == ("error", ("export.cut",))
    assert "Traceback" not in str(told)


def test_a_workbook_without_room_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    refused = get(served, "/signals.xlsx?asset=PETR6")
    assert refused.status_code == 503
    assert "/nowhere" not in refused.text
