"""Imports messages: a Telegram Desktop export, JSON lines, or messages in memory.

A repeated import adds nothing. A bad entry is reported with its place, and the others are imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from ops.gateway.database import apply_schema, open_database
from ops.gateway.records import BadMessageError, MessageRecord, record_from_json
from ops.gateway.repository import Repository
from ops.gateway.telegram_export import api_message, is_service, is_unsupported
from ops.gateway.telegram_stream import Document, DocumentError, look_at, messages_of
from storage.errors import RowsRefusedError

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

BATCH_SIZE = 200
#: the longest JSON line; a Telegram message has about 4,096 characters. One batch of lines is in memory at once
LONGEST_LINE = 256 * 1024
#: the number of bad entries that are kept for the report
BAD_KEPT = 100


class ImportFileError(Exception):
    """The file as a whole cannot be imported."""


class Skipped(Enum):
    """The kinds of entries that are no messages."""

    SERVICE = "service"
    #: a placeholder for a message that the exporting program could not show
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """An entry that cannot be imported. ``place`` is for instance ``line 7``. ``reason`` holds no message text."""

    place: str
    reason: str


#: the place of an entry in its file, and the entry
Entry = tuple[str, MessageRecord | Skipped | BadMessageError]


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """The result of an import. ``already_there``, ``service`` and ``unsupported`` were skipped.

    ``bad`` holds the first bad entries. ``bad_count`` is the number of all bad entries.
    """

    imported: int = 0
    already_there: int = 0
    service: int = 0
    unsupported: int = 0
    bad_count: int = 0
    bad: list[BadEntry] = field(default_factory=list)

    def refuse(self, place: str, reason: str) -> None:
        """Count a bad entry."""
        self.bad_count += 1
        if len(self.bad) < BAD_KEPT:
            self.bad.append(BadEntry(place=place, reason=reason))

    @property
    def skipped(self) -> int:
        """The number of good entries that were not imported."""
        return self.already_there + self.service + self.unsupported

    def words(self) -> str:
        """Return the report in one line."""
        return (
            f"imported {self.imported}, skipped {self.skipped} "
            f"({self.already_there} already there, {self.service} service messages, "
            f"{self.unsupported} that the export could not show), bad {self.bad_count}"
        )


def import_file(path: Path, database_url: str, *, channel_id: str | None = None) -> ImportReport:
    """Import an export or JSON lines. ``channel_id`` replaces the file's own channel id.

    Raises:
        ImportFileError: the file cannot be read, or it is a broken export.
        StorageError: the database cannot be reached or used.
    """
    return _import(database_url, read_entries(path, channel_id=channel_id))


def import_messages(database_url: str, messages: Iterable[Mapping[str, Any]]) -> ImportReport:
    """Import messages in the form of the API.

    Raises:
        StorageError: the database cannot be reached or used.
    """
    return _import(database_url, read_messages(messages))


def read_messages(messages: Iterable[object], *, channel_id: str | None = None) -> Iterator[Entry]:
    """Yield the entries of messages in the form of the API."""
    for number, message in enumerate(messages, start=1):
        yield f"message {number}", _checked(message, channel_id)


def read_entries(path: Path, *, channel_id: str | None = None) -> Iterator[Entry]:
    """Yield the entries of a file. Its size does not matter.

    Raises:
        ImportFileError: the file cannot be read, or it is a broken document.
    """
    try:
        first = next((line for _, line in _lines(path) if line is None or line), b"")
        if _is_json_line(first):
            yield from _line_entries(path, channel_id)
            return
        try:
            document, error = look_at(path), None
        except DocumentError as exc:
            document, error = Document(), str(exc)
        if document.holds_messages:
            yield from _document_entries(path, document, channel_id)
            return
        # indented JSON begins with a bracket on its own line, and no line of it is a message
        if first is None or first in {b"{", b"["}:
            what = error or "neither a Telegram export nor JSON lines"
            long = f"; its first line has more than {LONGEST_LINE} bytes" if first is None else ""
            raise ImportFileError(what + long)
        yield from _line_entries(path, channel_id)
    except OSError as exc:
        raise ImportFileError(f"cannot be read: {exc.strerror or exc}") from exc
    except DocumentError as exc:
        raise ImportFileError(str(exc)) from exc


def _is_json_line(line: bytes | None) -> bool:
    """Return whether the first line of a file is a message by itself."""
    try:
        value = orjson.loads(line or b"")
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and not {"messages", "chats", "left_chats"} & value.keys()


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines with their numbers. A line that is too long is skipped and yielded as None."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) <= LONGEST_LINE:
                yield number, line.removeprefix(b"\xef\xbb\xbf").strip()
                continue
            yield number, None
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)


def _line_entries(path: Path, channel_id: str | None) -> Iterator[Entry]:
    for number, line in _lines(path):
        if line is None:
            yield f"line {number}", BadMessageError(f"longer than {LONGEST_LINE} bytes")
        elif line:
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as exc:
                yield f"line {number}", BadMessageError(f"not JSON: {exc}")
            else:
                yield f"line {number}", _checked(value, channel_id)


def _document_entries(path: Path, document: Document, channel_id: str | None) -> Iterator[Entry]:
    for chat, number, message in messages_of(path, document):
        if document.is_list:
            yield f"message {number}", _checked(message, channel_id)
            continue
        target = channel_id or document.chats[chat - 1]
        place = f"chat {chat} message {number}"
        if is_service(message):
            yield place, Skipped.SERVICE
        elif is_unsupported(message):
            yield place, Skipped.UNSUPPORTED
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


def _import(database_url: str, entries: Iterator[Entry]) -> ImportReport:
    report = ImportReport()
    # the file is read before the database is used, because a bad file needs no database
    batch = list(islice(entries, BATCH_SIZE))
    with open_database(database_url) as database:
        apply_schema(database)
        repository = Repository(database)
        while batch:
            records: list[tuple[str, MessageRecord]] = []
            for place, entry in batch:
                if isinstance(entry, MessageRecord):
                    records.append((place, entry))
                elif entry is Skipped.SERVICE:
                    report.service += 1
                elif entry is Skipped.UNSUPPORTED:
                    report.unsupported += 1
                else:
                    report.refuse(place, str(entry))
            _insert(repository, records, report)
            batch = list(islice(entries, BATCH_SIZE))
    return report


def _insert(repository: Repository, records: list[tuple[str, MessageRecord]], report: ImportReport) -> None:
    """Insert a batch. If the database refuses it, split it until the bad entry is alone."""
    if not records:
        return
    try:
        inserted = repository.insert_many([record for _place, record in records])
    except RowsRefusedError as exc:
        if len(records) == 1:
            report.refuse(records[0][0], f"refused by the database: {exc}")
            return
        middle = len(records) // 2
        _insert(repository, records[:middle], report)
        _insert(repository, records[middle:], report)
    else:
        report.imported += inserted
        report.already_there += len(records) - inserted
