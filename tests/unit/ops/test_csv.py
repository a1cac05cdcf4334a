"""CSV: exact digits, safe cells, and every row read back as it was."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.http.kit.encoding import encode
from ops.http.routes.csv import COLUMNS, CsvForm


def rows(*signals: Mapping[str, object]) -> list[dict[str, str]]:
    body = CsvForm().page(page(*signals))
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def page(*signals: Mapping[str, object]) -> bytes:
    empty = {column: None for column in COLUMNS if column != "time"}
    given = {"ts": 0, "targets": [], "warnings": [], "outcome": None, "market": None, "score": None}
    whole = [{**empty, **given, **signal} for signal in signals]
    return json.dumps({"data": whole, "nextCursor": None}).encode()


def test_the_header_line_names_every_column_also_of_an_empty_page() -> None:
    assert CsvForm().page(page()).decode() == ",".join(COLUMNS) + "\r\n"


def test_columns_that_were_added_later_come_last_and_the_label_is_no_formula() -> None:
    added = COLUMNS[COLUMNS.index("channel_label") :]
    assert added[:6] == (
        *("channel_label", "status_since", "status_reason", "reward_risk", "valid"),
        "outcome_state",
    )
    assert added[-1] == "score_probability"
    labels = [row["channel_label"] for row in rows({"channel_label": "=Ações"}, {"channel_label": None})]
    assert labels == ["'=Ações", ""]


def test_what_prices_say_has_columns_of_its_own() -> None:
    reached = ["2026-11-02T12:00:00Z", "2026-11-03T12:00:00Z"]
    outcome = {
        "state": "target",
        "reached": reached,
        "ended_at": reached[1],
        "same_bar": False,
        "first_r": 1.5,
    }
    known, unknown = rows({"outcome": outcome, "market": {"rsi_14": 41.3e-7}}, {})
    assert {name: known[f"outcome_{name}"] for name in outcome} == {
        **outcome,
        "reached": "2",
        "same_bar": "false",
        "first_r": "1.5",
    }
    assert (known["market_rsi_14"], known["market_macd"]) == ("0.00000413", "")
    assert {unknown[name] for name in COLUMNS if name.startswith(("outcome_", "market_", "score_"))} == {""}


@pytest.mark.parametrize(
    "digits", ["0.880", "0.2550", "131000", "1.0", "12345678901234567890.123456789", "-0.5", "0.0000001"]
)
def test_a_number_keeps_its_digits_fault_25(digits: str) -> None:
    body = page({"stop": 424242}).replace(b"424242", digits.encode())
    (row,) = csv.DictReader(io.StringIO(CsvForm().page(body).decode()))
    assert row["stop"] == digits


def test_lists_and_instants_are_readable() -> None:
    body = page({"ts": 1793620800123, "targets": [1, 424242], "warnings": ["odd", "late"]})
    (row,) = csv.DictReader(io.StringIO(CsvForm().page(body.replace(b"424242", b"0.0000002")).decode()))
    assert (row["time"], row["ts"]) == ("2026-11-02T12:00:00.123+00:00", "1793620800123")
    assert (row["targets"], row["warnings"]) == ("1 | 0.0000002", "odd | late")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "=cmd|' /C calc'!A0"]
)
def test_what_a_spreadsheet_would_run_is_made_a_text(text: str) -> None:
    (row,) = rows({"raw_message": text, "asset": text})
    assert row["raw_message"] == row["asset"]
    assert row["asset"].startswith("'")
    assert row["asset"].replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    "text",
    [
        'PETR4\n=HYPERLINK("http://a";"b")',
        "PETR4; =1+1",
        "PETR4\r\n  @SUM(A1);-1",
        'PETR4;"=1+1',
        'PETR4\n ""=1+1"',
    ],
)
def test_no_cell_begins_as_a_formula_however_cells_are_divided(text: str, separator: str) -> None:
    body = CsvForm().page(page({"raw_message": text})).decode()
    cells = [cell for row in csv.reader(io.StringIO(body), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@", "-"))]


@pytest.mark.parametrize("text", ["PETR4", "-1001649127710", "a=b", "", "1,5", 'say "hi"', "two\nlines"])
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert rows({"channel": text})[0]["channel"] == text


def test_a_brazilian_spreadsheet_gets_its_own_numbers_and_local_times() -> None:
    instant = {"created_at": "2026-11-02T12:00:00.5Z", "updated_at": None, "ts": 1793620800123}
    body = page({**instant, "targets": [1, 424242], "channel": "-1001", "asset": "-1,5"})
    form = CsvForm(ZoneInfo("America/Sao_Paulo"))
    text = form.page(body.replace(b"424242", b"0.10"))
    assert text.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(text.decode("utf-8-sig")), delimiter=";")
    assert (row["time"], row["created_at"]) == ("02/11/2026 09:00:00", "02/11/2026 09:00:00")
    assert (row["targets"], row["channel"], row["updated_at"]) == ("1 | 0,10", "-1001", "")
    assert row["asset"] == "'-1,5", "a text that is no number of ours"


def test_a_row_of_the_database_is_the_line_of_its_page() -> None:
    at = datetime(2026, 11, 2, 12, 0, 0, 120, tzinfo=UTC)
    values = {"created_at": at, "ingested_at": at, "stop": Decimal("0.10"), "targets": (Decimal("1.0"),)}
    empty = {column: None for column in COLUMNS if column != "time"}
    prices = {
        "outcome": {"state": "stopped", "entered_at": at, "reached": [at], "first_r": Decimal("-1.0000")},
        "market": {"rsi_14": 33.36549999999998, "last_close": Decimal("32.90")},
        "score": {"probability": 0.5512},
    }
    signal = {**empty, "ts": 5, "warnings": ["odd"], **values, **prices}
    told = b'{"data":[%b],"nextCursor":null}' % encode({**signal, "targets": [Decimal("1.0")]})
    for form in (CsvForm(), CsvForm(ZoneInfo("America/Sao_Paulo"))):
        assert form.head() + form.lines([signal]) == form.page(told)


@given(st.lists(st.text(), max_size=5))
def test_whatever_stands_in_a_message_its_row_is_read_back(texts: list[str]) -> None:
    read = rows(*({"raw_message": text} for text in texts))
    assert [row["raw_message"].replace("'", "") for row in read] == [text.replace("'", "") for text in texts]
