"""Signals as a workbook (.xlsx). Rows go to a temporary file as they come, so memory does not grow with the list."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Self

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxFileError
from xlsxwriter.format import Format

from ops.http.routes.csv import COLUMNS, flat, joined

__all__ = ["MOST_ROWS", "SignalsWorkbook"]

#: a sheet of a spreadsheet has 1,048,576 rows, and one is the head
MOST_ROWS = 1_048_575
#: a cell takes 32,767 units of UTF-16. The longest message of Telegram has 4,096 characters.
_MOST_CHARACTERS = 16_000
_CUT = " [...] (cut here: a cell holds no more)"
#: spreadsheets compute with so many digits
_MOST_DIGITS = 15
_WIDTHS = {
    "time": 19,
    "raw_message": 60,
    "channel": 16,
    "signal_type": 13,
    "warnings": 20,
    "channel_label": 20,
}


class SignalsWorkbook:
    """A workbook with one sheet, whose times are those of ``zone``. Use it in a ``with``; it leaves no file behind.

    All texts are stored as texts, so a spreadsheet runs none as a formula. A number shows the digits of the message.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._folder = tempfile.TemporaryDirectory(prefix="tp-capital-")
        self._path = Path(self._folder.name, "signals.xlsx")
        self._book = Workbook(str(self._path), {"constant_memory": True, "tmpdir": self._folder.name})
        self._sheet = self._book.add_worksheet("signals")
        self._time = self._book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        self._numbers: dict[int, Format] = {}
        for column, name in enumerate(COLUMNS):
            self._sheet.set_column(column, column, _WIDTHS.get(name, 12))
            self._sheet.write_string(0, column, name)
        self._sheet.freeze_panes(1, 0)
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # the library closes this file only where it completes the book
        self._sheet._opt_close()  # noqa: SLF001
        self._folder.cleanup()

    def add(self, signals: Iterable[Mapping[str, Any]]) -> None:
        """Add one row for each public object of a signal."""
        for signal in signals:
            self.rows += 1
            for column, value in enumerate(flat(signal, self._zone)):
                self._write(column, value)

    def finish(self) -> IO[bytes]:
        """Write the file and return it, open. It has no name any more once this workbook is left.

        Raises:
            OSError: there is no room for it.
        """
        self._sheet.autofilter(0, 0, self.rows, len(COLUMNS) - 1)
        try:
            self._book.close()
        except XlsxFileError as error:
            raise OSError(str(error)) from error
        return self._path.open("rb")

    def _write(self, column: int, value: object) -> None:
        if isinstance(value, datetime):
            self._sheet.write_datetime(self.rows, column, value, self._time)
        elif isinstance(value, bool):
            self._sheet.write_boolean(self.rows, column, value)
        elif isinstance(value, int | Decimal) and len(Decimal(value).as_tuple().digits) <= _MOST_DIGITS:
            self._sheet.write_number(self.rows, column, float(value), self._digits(Decimal(value)))
        elif text := value if isinstance(value, str) else joined(value, decimal_comma=True):
            if len(text) > _MOST_CHARACTERS:
                text = text[:_MOST_CHARACTERS] + _CUT
            self._sheet.write_string(self.rows, column, text)

    def _digits(self, number: Decimal) -> Format:
        """Return the format that shows as many decimal places as the number was written with."""
        exponent = number.as_tuple().exponent
        places = max(0, -exponent) if isinstance(exponent, int) else 0
        if places not in self._numbers:
            shown = f"0.{'0' * places}" if places else "0"
            self._numbers[places] = self._book.add_format({"num_format": shown})
        return self._numbers[places]
