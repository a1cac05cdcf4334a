"""A page of signals as comma-separated values (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ops.http.routes.signal_models import SignalObject

__all__ = ["COLUMNS", "csv_page"]

#: ``time`` has the instant of ``ts_iso``
_NOT_FLAT = {"current", "events", "ts_iso"}
#: what was added later comes last, so that clients that read columns by position still work
_MOVED = ["id", "time", "ts", "channel_label", "status_since", "status_reason"]
COLUMNS = (
    *_MOVED[:3],
    *(name for name in SignalObject.model_fields if name not in (*_NOT_FLAT, *_MOVED)),
    *_MOVED[3:],
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: spreadsheets take a cell with this beginning for a formula; some read full-width signs as ASCII signs
_FORMULA = re.compile(r"[\s]*[=+\-@\t\r\n＝＋－＠]")
#: a spreadsheet that separates cells by semicolons (as in Portuguese) starts a cell after one and on a new line, and
#: takes quotation marks at the start of a cell away
_LATER_FORMULA = re.compile(r"([\r\n;](?:[^\S\r\n]|\")*)(?=[=+\-@＝＋－＠])")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_page(page: bytes) -> tuple[bytes, str | None]:
    """Return a page of ``/api/v1/signals`` as CSV, and the cursor of the next page.

    Numbers keep exactly their digits. A text that a spreadsheet would take for a formula gets a leading apostrophe,
    which marks it as text.
    """
    body = json.loads(page, parse_float=Decimal)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in _values(signal)] for signal in body["data"])
    return out.getvalue().encode(), body["nextCursor"]


def _values(signal: Mapping[str, Any]) -> list[object]:
    flat = {
        **signal,
        "time": (_EPOCH + timedelta(milliseconds=signal["ts"])).isoformat(timespec="milliseconds"),
        "targets": " | ".join(_text(target) for target in signal["targets"]),
        "warnings": " | ".join(signal["warnings"]),
    }
    return [flat[column] for column in COLUMNS]


def _cell(value: object) -> str:
    text = _text(value)
    if not isinstance(value, str) or _NUMBER.fullmatch(text):
        return text
    text = _LATER_FORMULA.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")  # never with an exponent
    return "" if value is None else str(value)
