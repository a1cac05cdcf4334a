"""A workbook: exact digits, local times, texts that stay texts, and no file left behind."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from ops.http.routes.csv import COLUMNS
from ops.http.routes.workbook import SignalsWorkbook

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ZONE = ZoneInfo("America/Sao_Paulo")
EMPTY: dict[str, object] = {
    **{column: None for column in (*COLUMNS, "outcome", "market", "score") if column != "time"},
    "ts": 0,
    "targets": [],
    "warnings": [],
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def cells(signal: Mapping[str, object]) -> dict[str, tuple[str | None, str]]:
    """Return the type and the text of each cell of the one row, with the number format of numbers."""
    with SignalsWorkbook(ZONE) as book:
        book.add([{**EMPTY, **signal}])
        file = book.finish()
    with file, zipfile.ZipFile(io.BytesIO(file.read())) as parts:
        sheet, styles = (
            ET.fromstring(parts.read(f"xl/{name}.xml")) for name in ("worksheets/sheet1", "styles")
        )
    formats = {one.get("numFmtId"): one.get("formatCode") for one in styles.iter(f"{SHEET}numFmt")}
    used = [one.get("numFmtId") for one in styles.find(f"{SHEET}cellXfs") or ()]
    assert not list(sheet.iter(f"{SHEET}f")), "no cell is a formula"
    head, row = sheet.iter(f"{SHEET}row")
    names = {str(cell.get("r")).rstrip("12"): "".join(cell.itertext()) for cell in head}
    assert tuple(names.values()) == COLUMNS
    return {
        names[str(cell.get("r")).rstrip("12")]: (
            cell.get("t") or formats.get(used[int(cell.get("s") or 0)], used[int(cell.get("s") or 0)]),
            "".join(cell.itertext()),
        )
        for cell in row
    }


@pytest.mark.parametrize(
    ("digits", "shown"),
    [("0.2550", "0.0000"), ("131000", "0"), ("-0.5", "0.0"), ("0.0000001", "0.0000000")],
)
def test_a_number_shows_the_digits_of_the_message(digits: str, shown: str) -> None:
    form, value = cells({"stop": Decimal(digits)})["stop"]
    # the format "0" has no text of its own in the file
    assert form in (shown, "1" if shown == "0" else shown)
    assert Decimal(value) == Decimal(digits)


def test_a_number_of_more_digits_than_a_spreadsheet_has_is_a_text() -> None:
    assert cells({"stop": Decimal("12345678901234567.25")})["stop"] == ("inlineStr", "12345678901234567,25")
    assert cells({"targets": [Decimal("1.50"), 2]})["targets"] == ("inlineStr", "1,50 | 2")


def test_times_are_local_and_what_is_missing_is_empty() -> None:
    found = cells({"ts": 1793620800000, "created_at": "2026-11-02T12:00:00.123456Z"})
    form, days = found["time"]
    assert form == "dd/mm/yyyy hh:mm:ss"
    # 9 o'clock in São Paulo
    assert round(float(days) % 1 * 24, 6) == 9
    assert round(float(found["created_at"][1]) % 1 * 24 * 60) == 9 * 60
    assert "stop" not in found


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+1", "http://a.example", "{=1}", "001", "a\x01b\n<c>"])
def test_a_text_stays_a_text(text: str) -> None:
    form, value = cells({"raw_message": text})["raw_message"]
    assert (form, value.replace("_x0001_", "\x01")) == ("inlineStr", text)


def test_a_text_that_no_cell_holds_is_cut_and_says_so() -> None:
    _, value = cells({"raw_message": "😀" * 40_000})["raw_message"]
    assert value.endswith("(cut here: a cell holds no more)")
    assert len(value.encode("utf-16-le")) // 2 <= 32_767


def test_no_file_is_left_behind(own_folder: Path) -> None:
    cells({"asset": "PETR4"})
    with SignalsWorkbook(ZONE) as book:
        book.add([EMPTY])
    assert list(own_folder.iterdir()) == []
