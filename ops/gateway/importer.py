"""Importing messages: a Telegram Desktop export, JSON lines, or messages at hand.

Importing the same again adds nothing. A bad entry is reported with its place and does not hinder
the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from ops.gateway.database import RefusedValueError
from ops.gateway.records import BadMessageError, MessageRecord, record_from_json
from ops.gateway.repository import Repository
from ops.gateway.server import open_repository
from ops.gateway.telegram_export import api_message, export_chats, is_export, is_service

__all__ = [
    "BadEntry",
    "Entry",
    "ImportFileError",
    "ImportReport",
    "import_file",
    "import_messages",
    "read_entries",
    "read_messages",
]

BATCH_SIZE = 500


class ImportFileError(Exception):
    """The file as a whole cannot be imported."""


class Skipped(Enum):
    """What is no message."""

    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """What cannot be imported. ``place`` is like ``line 7``; ``reason`` holds no message text."""

    place: str
    reason: str


#: where an entry stands in its file, and what it is
Entry = tuple[str, MessageRecord | Skipped | BadMessageError]


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did. ``already_there`` and ``service`` were skipped."""

    imported: int = 0
    already_there: int = 0
    service: int = 0
    bad: list[BadEntry] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """The number of entries that were fine and not imported."""
        return self.already_there + self.service

    def words(self) -> str:
        """Return the report in one line."""
        return (
            f"imported {self.imported}, skipped {self.skipped} "
            f"({self.already_there} already there, {self.service} service messages), bad {len(self.bad)}"
        )


def import_file(path: Path, database_url: str, *, channel_id: str | None = None) -> ImportReport:
    """Import an export or JSON lines; ``channel_id`` takes the place of the file's own.

    Raises:
        ImportFileError: the file cannot be read, or is a broken export.
        DatabaseUnavailableError: the database cannot be reached.
    """
    return asyncio.run(_import(database_url, read_entries(path, channel_id=channel_id)))


def import_messages(database_url: str, messages: Iterable[Mapping[str, Any]]) -> ImportReport:
    """Import messages of the API's shape, from code without a running event loop.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    return asyncio.run(_import(database_url, read_messages(messages)))


def read_messages(messages: Iterable[object], *, channel_id: str | None = None) -> Iterator[Entry]:
    """Yield what messages of the API's shape are."""
    for number, message in enumerate(messages, start=1):
        yield f"message {number}", _checked(message, channel_id)


def read_entries(path: Path, *, channel_id: str | None = None) -> Iterator[Entry]:
    """Yield what stands in a file.

    Raises:
        ImportFileError: the file cannot be read, or is a broken document.
    """
    try:
        with path.open("rb") as file:
            first = next((line for line in file if line.strip(b"\xef\xbb\xbf\r\n\t ")), b"")
        if not _is_json_line(first):
            document, error = _document(path.read_bytes())
            if is_export(document):
                yield from _export_entries(document, channel_id)
                return
            if isinstance(document, list):
                yield from read_messages(document, channel_id=channel_id)
                return
            # pretty-printed JSON opens with a bracket alone: no line of it is a message
            if first.strip(b"\xef\xbb\xbf\r\n\t ") in {b"{", b"["}:
                raise ImportFileError(error or "neither a Telegram export nor JSON lines")
        yield from _line_entries(path, channel_id)
    except OSError as exc:
        raise ImportFileError(f"cannot be read: {exc.strerror or exc}") from exc


def _is_json_line(line: bytes) -> bool:
    """Tell whether the first line of a file is a message by itself."""
    try:
        value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and not is_export(value)


def _document(content: bytes) -> tuple[Any, str | None]:
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf")), None
    except orjson.JSONDecodeError as exc:
        return None, f"not complete JSON: {exc}"


def _line_entries(path: Path, channel_id: str | None) -> Iterator[Entry]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            content = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not content:
                continue
            try:
                value = orjson.loads(content)
            except orjson.JSONDecodeError as exc:
                yield f"line {number}", BadMessageError(f"not JSON: {exc}")
            else:
                yield f"line {number}", _checked(value, channel_id)


def _export_entries(document: Any, channel_id: str | None) -> Iterator[Entry]:
    for chat, (own_id, messages) in enumerate(export_chats(document), start=1):
        target = channel_id or own_id
        for number, message in enumerate(messages, start=1):
            place = f"chat {chat} message {number}"
            if is_service(message):
                yield place, Skipped.SERVICE
            elif target is None:
                yield place, BadMessageError("the chat has no id: give one with --channel")
            else:
                try:
                    yield place, _checked(api_message(message, target), target)
                except BadMessageError as exc:
                    yield place, exc


def _checked(message: object, channel_id: str | None) -> MessageRecord | BadMessageError:
    try:
        return record_from_json(message, channel_id=channel_id)
    except BadMessageError as exc:
        return exc
    except RecursionError:
        return BadMessageError("nested too deeply")


async def _import(database_url: str, entries: Iterator[Entry]) -> ImportReport:
    report = ImportReport()
    # read before the database is asked: a file that cannot be read needs none
    batch = list(islice(entries, BATCH_SIZE))
    async with open_repository(database_url) as repository:
        while batch:
            records: list[tuple[str, MessageRecord]] = []
            for place, entry in batch:
                if isinstance(entry, MessageRecord):
                    records.append((place, entry))
                elif isinstance(entry, Skipped):
                    report.service += 1
                else:
                    report.bad.append(BadEntry(place=place, reason=str(entry)))
            await _insert(repository, records, report)
            batch = list(islice(entries, BATCH_SIZE))
    return report


async def _insert(
    repository: Repository, records: list[tuple[str, MessageRecord]], report: ImportReport
) -> None:
    """Insert a batch; one that the database refuses is split until the bad entry is alone."""
    if not records:
        return
    try:
        inserted = await repository.insert_many([record for _place, record in records])
    except RefusedValueError as exc:
        if len(records) == 1:
            report.bad.append(BadEntry(place=records[0][0], reason=f"refused by the database: {exc}"))
            return
        middle = len(records) // 2
        await _insert(repository, records[:middle], report)
        await _insert(repository, records[middle:], report)
    else:
        report.imported += inserted
        report.already_there += len(records) - inserted
