"""``tp-capital migrate-data``: the former service's table, taken over batch by batch and compared at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from storage.errors import StorageError
from storage.legacy.fates import LegacyReport
from storage.legacy.rows import PRICES, LegacyRow, decode_row
from storage.legacy.source import LegacySource, OldTotals

__all__ = ["OldTableError", "compared", "copy_rows"]


class OldTableError(Exception):
    """The old table cannot be read now; what has been taken stays."""


class _Taker(Protocol):
    def take(self, rows: Sequence[LegacyRow]) -> None: ...


def copy_rows(
    source: LegacySource,
    target: _Taker,
    *,
    after: str | None,
    batch: int,
    channels: Mapping[str, str],
    tell: Callable[[int], None],
) -> int:
    """Hand all rows from the row ``after`` on to ``target`` and return how many they were.

    ``channels`` gives channels of the old table another name. ``tell`` is told the size of each batch done.

    Raises:
        OldTableError: the old table.
        StorageError: of the target.
    """
    count = 0
    for rows in _batches(source, after, batch, channels):
        target.take(rows)
        count += len(rows)
        tell(len(rows))
    return count


def _batches(
    source: LegacySource, after: str | None, batch: int, channels: Mapping[str, str]
) -> Iterator[list[LegacyRow]]:
    # the last imported row is reread: if it differs, this is another table
    again = after is not None
    while True:
        try:
            page = source.page(after, size=batch, again=again)
        except StorageError as error:
            raise OldTableError(str(error)) from error
        if not page:
            return
        rows = [decode_row(original) for original in page]
        after, again = rows[-1].legacy_id, False
        yield [replace(row, channel=channels.get(row.channel, row.channel)) for row in rows]


def compared(report: LegacyReport, old: OldTotals) -> Iterator[str]:
    """Yield what is not as it must be."""
    yield from report.problems
    if old.rows > report.rows:
        yield (
            f"{old.rows - report.rows} rows of the old table have not been taken: "
            "run again with --again, which begins at its first row"
        )
    elif old.rows < report.rows:
        yield f"{report.rows - old.rows} rows that have been taken are no longer in the old table"
    else:
        for name in PRICES:
            taken = sum((total.sums[name] for total in report.fates.values()), Decimal(0))
            if taken != old.sums[name]:
                yield f"the sum of {name} is {old.sums[name]} in the old table and {taken} in what was taken"
    if refused := report.fates.get("refused"):
        yield f"{refused.rows} rows cannot be used; they stand in legacy_rows as they were"
