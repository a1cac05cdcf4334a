"""Reads a JSON document of any size as a stream: Telegram Desktop's ``result.json``, or a list of messages.

It is read twice. The first pass finds out its kind and its chats, and checks that it is complete. The second pass
yields its messages one by one. The use of memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from ops.gateway.telegram_export import channel_id_of

__all__ = ["Document", "DocumentError", "look_at", "messages_of"]

#: the longest value; a Telegram text has at most 4,096 characters
_LONGEST_VALUE = 4 * 1024 * 1024
#: the places of messages: one exported chat, the chats of an account, chats that were left
_CHATS = ("", "chats.list.item", "left_chats.list.item")


class DocumentError(Exception):
    """The document cannot be read."""


@dataclass(slots=True)
class Document:
    """The kind of a document: a list of messages, or an export with the channel id of each chat that has messages."""

    is_list: bool = False
    chats: list[str | None] = field(default_factory=list)

    @property
    def holds_messages(self) -> bool:
        """Whether the document is of one of these kinds."""
        return self.is_list or bool(self.chats)


class _BoundedText:
    """A file that raises an error if one of its values is far too long."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.unused = 0

    def read(self, size: int = -1) -> bytes:
        if self.unused > _LONGEST_VALUE:
            raise DocumentError(f"a value in it is longer than {_LONGEST_VALUE} bytes")
        chunk = self._file.read(size)
        self.unused += len(chunk)
        return chunk


def look_at(path: Path) -> Document:
    """Return the kind of a file.

    Raises:
        DocumentError: the file is no complete JSON document, or one of its values is far too long.
    """
    document = Document()
    kind: object = None
    number: object = None
    counted = False
    for prefix, event, value in _events(path):
        if not prefix and event == "start_array":
            document.is_list = True
        chat, _, key = prefix.rpartition(".")
        if chat not in _CHATS and prefix not in _CHATS:
            continue
        if event == "start_map" and prefix in _CHATS:
            kind, number, counted = None, None, False
        elif key == "type" and event == "string":
            kind = value
        elif key == "id" and event in {"number", "string"}:
            number = value
        elif key == "messages" and event == "start_array":
            counted = True
        elif event == "end_map" and prefix in _CHATS and counted:
            document.chats.append(channel_id_of(kind, number))
            counted = False
    return document


def messages_of(path: Path, document: Document) -> Iterator[tuple[int, int, Any]]:
    """Yield the number of the chat (from 1), the number of the message in it, and the message.

    Raises:
        DocumentError: the file was changed since :func:`look_at`.
    """
    lists = {"": "item"} if document.is_list else {}
    places = {f"{chat}.messages".lstrip("."): f"{chat}.messages.item".lstrip(".") for chat in _CHATS} | lists
    items = set(places.values())
    chat, message = 0, 0
    builder: ijson.ObjectBuilder | None = None
    within = ""
    for prefix, event, value in _events(path):
        if builder is None:
            if event == "start_array" and prefix in places:
                chat, message = chat + 1, 0
            elif prefix in items and event not in {"end_array", "map_key"}:
                message += 1
                if event not in {"start_map", "start_array"}:
                    yield chat, message, value
                    continue
                builder, within = ijson.ObjectBuilder(), prefix
                builder.event(event, value)
            continue
        builder.event(event, value)
        if prefix == within and event in {"end_map", "end_array"}:
            yield chat, message, builder.value
            builder = None


def _events(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield the events of the JSON document with their places.

    Raises:
        DocumentError: see :func:`look_at`.
    """
    with path.open("rb") as raw:
        if raw.read(3) != b"\xef\xbb\xbf":
            raw.seek(0)
        file = _BoundedText(raw)
        try:
            for event in ijson.parse(file, use_float=True):
                file.unused = 0
                yield event
        except (ijson.JSONError, ValueError, RecursionError) as error:
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DocumentError(f"not complete JSON: {words[:200]}") from error
