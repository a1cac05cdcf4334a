"""Signals as comma-separated values (RFC 4180), for programs or for a Brazilian spreadsheet. Safe to open in either."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from ops.http.routes.signal_models import SignalObject

__all__ = ["COLUMNS", "CsvForm", "flat", "joined"]

#: ``time`` has the instant of ``ts_iso``
_NOT_FLAT = {"current", "events", "market", "outcome", "score", "ts_iso"}
#: what was added later comes last, so that clients that read columns by position still work
_MOVED = ["id", "time", "ts", "channel_label", "status_since", "status_reason", "reward_risk", "valid"]
#: what prices say: the values of these objects, each in a column of its own
_OF_PRICES = {
    "outcome": (
        *("state", "reason", "entered_at", "entry", "reached", "ended_at", "exit", "same_bar"),
        *("first_r", "final_r", "scaled_r", "claim"),
    ),
    "market": (
        *(
            "last_close",
            "rsi_14",
            "macd",
            "macd_signal",
            "macd_histogram",
            "atr_14",
            "sma_20",
            "sma_50",
            "sma_200",
        ),
        *("entry_distance_atr", "position_52w", "volume_ratio"),
    ),
    "score": ("probability",),
}
COLUMNS = (
    *_MOVED[:3],
    *(name for name in SignalObject.model_fields if name not in (*_NOT_FLAT, *_MOVED)),
    *_MOVED[3:],
    *(f"{part}_{name}" for part, names in _OF_PRICES.items() for name in names),
)
_INSTANTS = (
    "status_since",
    "ingested_at",
    "created_at",
    "updated_at",
    "outcome_entered_at",
    "outcome_ended_at",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: spreadsheets take a cell with this beginning for a formula; some read full-width signs as ASCII signs
_FORMULA = re.compile(r"[\s]*[=+\-@\t\r\n＝＋－＠]")
#: a spreadsheet that separates cells by semicolons (as in Portuguese) starts a cell after one and on a new line, and
#: takes quotation marks at the start of a cell away
_LATER_FORMULA = re.compile(r"([\r\n;](?:[^\S\r\n]|\")*)(?=[=+\-@＝＋－＠])")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
#: nearly every text is like this, and needs no closer look
_HARMLESS = re.compile(r"[A-Za-z0-9][^\r\n;]*")


class CsvForm:
    """Writes signals as lines, and their numbers with exactly their digits.

    With a ``zone`` the lines are for a spreadsheet with Brazilian settings: semicolons, decimal commas, times of that
    zone, and a mark that tells that the text is UTF-8. A text that a spreadsheet would take for a formula gets a
    leading apostrophe, which marks it as text.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone

    def head(self) -> bytes:
        """Return the line with the names of the columns."""
        return (b"" if self._zone is None else b"\xef\xbb\xbf") + self._lines([COLUMNS])

    def lines(self, signals: Iterable[Mapping[str, Any]]) -> bytes:
        """Return one line for each public object of a signal."""
        return self._lines([self.cell(value) for value in flat(signal, self._zone)] for signal in signals)

    def page(self, page: bytes) -> bytes:
        """Return a page of ``/api/v1/signals`` with its head."""
        return self.head() + self.lines(json.loads(page, parse_float=Decimal)["data"])

    def _lines(self, rows: Iterable[Iterable[str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, delimiter="," if self._zone is None else ";").writerows(rows)
        return out.getvalue().encode()

    def cell(self, value: object) -> str:
        """Return the text of a cell."""
        if isinstance(value, datetime):
            return value.strftime("%d/%m/%Y %H:%M:%S")
        if not isinstance(value, str):
            return joined(value, decimal_comma=self._zone is not None)
        if _HARMLESS.fullmatch(value) or _NUMBER.fullmatch(value):
            return value
        text = _LATER_FORMULA.sub(r"\1'", value)
        return f"'{text}" if _FORMULA.match(text) else text


def flat(signal: Mapping[str, Any], zone: tzinfo | None = None) -> list[object]:
    """Return the values of a signal's public object in the order of :data:`COLUMNS`.

    Instants are texts as in JSON, or with a ``zone`` the local times there. Lists of texts are joined; lists of numbers
    are left as they are.
    """
    told = {**signal, "warnings": " | ".join(signal["warnings"])}
    at = _EPOCH + timedelta(milliseconds=signal["ts"])
    for part, names in _OF_PRICES.items():
        values = signal[part] or {}
        told |= {f"{part}_{name}": _exact(values.get(name)) for name in names}
    told["time"] = at.isoformat(timespec="milliseconds") if zone is None else _instant(at, zone)
    for name in _INSTANTS:
        told[name] = _instant(told[name], zone)
    return [told[column] for column in COLUMNS]


def _exact(value: object) -> object:
    """Return a number with its digits as JSON has them, and of the targets that were reached how many they are."""
    if isinstance(value, list):
        return len(value)
    return Decimal(str(value)) if isinstance(value, float) else value


def joined(value: object, *, decimal_comma: bool) -> str:
    """Return a number, or several, as a text with all digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        text = format(value, "f")  # never with an exponent
        return text.replace(".", ",") if decimal_comma else text
    if isinstance(value, list | tuple):
        return " | ".join([joined(one, decimal_comma=decimal_comma) for one in value])
    return str(value)


def _instant(value: datetime | str | None, zone: tzinfo | None) -> datetime | str | None:
    """Return an instant as JSON has it, or the local time. A page that was stored holds texts."""
    if value is None or (zone is None and isinstance(value, str)):
        return value
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    # a spreadsheet knows no time zones
    return at.isoformat().replace("+00:00", "Z") if zone is None else at.astimezone(zone).replace(tzinfo=None)
