"""Reading exports and JSON lines."""

from __future__ import annotations

import json
import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.gateway.importer import LONGEST_LINE, ImportFileError, Skipped, read_entries
from ops.gateway.records import BadMessageError, MessageRecord, iso_utc, record_from_json, utc_from_iso
from ops.gateway.repository import _single
from ops.gateway.telegram_export import api_message

CHAT = {
    "name": "Canal",
    "type": "public_channel",
    "id": 1649127710,
    "messages": [
        {"id": 1, "type": "service", "action": "create_channel", "date": "2025-11-01T09:00:00", "text": ""},
        {
            "id": 2,
            "type": "message",
            "date": "2025-11-12T10:04:31",
            "date_unixtime": "1762952671",
            "text": ["Ativo: ", {"type": "hashtag", "text": "#PETR4"}, "\nCompra: 30,10"],
        },
        {
            "id": 3,
            "type": "message",
            "date": "2025-11-12T10:05:00",
            "photo": "photos/photo_1.jpg",
            "text": "Alvo 2",
            "reply_to_message_id": 2,
            "edited": "2025-11-12T11:00:00",
            "edited_unixtime": "1762956000",
        },
        {"id": 4, "type": "message", "date": "2025-11-12T10:06:00", "photo": "p.jpg", "text": ""},
        {
            "id": 5,
            "type": "message",
            "date": "2025-11-12T10:06:00",
            "file": "v.mp4",
            "media_type": "video_file",
        },
        {"id": 6, "type": "message", "date": "not a date", "text": "x"},
        {"id": 7, "type": "message", "date": "2025-11-12T10:06:00", "text": [{"type": "bold"}]},
        "nonsense",
    ],
}


def write(folder: Path, content: object) -> Path:
    path = folder / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=1).encode())
    return path


def read(folder: Path, content: object, **more: Any) -> list[tuple[str, Any]]:
    return list(read_entries(write(folder, content), **more))


def test_export_of_one_chat(tmp_path: Path) -> None:
    entries = read(tmp_path, CHAT)
    assert entries[0] == ("chat 1 message 1", Skipped.SERVICE)
    text, photo, bare, video = (entry for _place, entry in entries[1:5])
    assert text.channel_id == "-1001649127710"
    assert (text.message_id, text.text, text.caption) == ("2", "Ativo: #PETR4\nCompra: 30,10", None)
    assert iso_utc(text.telegram_date) == "2025-11-12T13:04:31.000Z"
    assert text.received_at is None, "received when it is imported"
    assert (photo.text, photo.caption, photo.media_type) == (None, "Alvo 2", "photo")
    assert photo.media_refs == [{"path": "photos/photo_1.jpg"}]
    assert photo.metadata == {"replyTo": "2", "editedAt": "2025-11-12T14:00:00.000Z"}
    assert photo.updated_at == datetime(2025, 11, 12, 14, tzinfo=UTC)
    assert iso_utc(photo.telegram_date) == "2025-11-12T13:05:00.000Z", "local time of Brasilia"
    assert (bare.text, bare.caption) == (None, None)
    assert video.media_type == "video"
    assert [(place, str(entry)) for place, entry in entries[5:]] == [
        ("chat 1 message 6", "date is not a time"),
        ("chat 1 message 7", "text holds an entity without text"),
        ("chat 1 message 8", "not a JSON object"),
    ]


@pytest.mark.parametrize(
    ("kind", "number", "channel"),
    [
        ("private_channel", 5, "-1000000000005"),
        ("public_supergroup", 5, "-1000000000005"),
        ("private_group", 5, "-5"),
        ("personal_chat", 5, "5"),
        ("public_channel", -1005, "-1005"),
    ],
)
def test_export_of_an_account_and_its_channel_ids(
    tmp_path: Path, kind: str, number: int, channel: str
) -> None:
    message = {"id": 1, "type": "message", "date": "2020-01-01T00:00:00", "text": "x"}
    document = {
        "about": "...",
        "chats": {"list": [{"type": kind, "id": number, "messages": [message]}, "odd"]},
        "left_chats": {"list": [{"type": "x", "messages": [message]}]},
    }
    (_, first), (place, second) = read(tmp_path, document)
    assert first.channel_id == channel
    assert (place, str(second)) == ("chat 2 message 1", "the chat has no id: give one with --channel")
    assert [entry.channel_id for _, entry in read(tmp_path, document, channel_id="-1009")] == ["-1009"] * 2


def test_json_lines_with_bad_ones_between(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"channelId": -1005, "messageId": 1, "text": "a"}',
        b"",
        b'{"channelId": "-1005", "messageId": ',
        b'{"channelId": "-1005", "text": "b"}',
        b'{"channelId": "abc", "messageId": "2"}',
        b'{"channelId": "-1005", "messageId": "3", "text": "\\u0000"}',
        b'{"channelId": "-1005", "messageId": "3", "text": "\\ud800"}',
        b'{"channelId": "-1005", "messageId": "3", "text": "\xff"}',
        b'{"channelId": "-1005", "messageId": "3", "text": 5}',
        b'{"channelId": "-1005", "messageId": "3", "telegramDate": "soon"}',
        b'{"channelId": "-1005", "messageId": "3", "status": "lost"}',
        b"[1]",
        b'{"channelId": "-1005", "messageId": "3", "metadata": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"channelId": "-1005", "messageId": "4", "id": 9, "telegramDate": null}',
    ]
    entries = read(tmp_path, b"\r\n".join(lines))
    good = {place: entry for place, entry in entries if isinstance(entry, MessageRecord)}
    assert list(good) == ["line 1", "line 14"]
    assert good["line 1"].channel_id == "-1005"
    assert good["line 14"].source_id == "9"
    bad = {place: str(entry) for place, entry in entries if isinstance(entry, BadMessageError)}
    assert list(bad) == [f"line {n}" for n in range(3, 14)]
    assert bad["line 4"] == "messageId is missing"
    assert bad["line 5"] == "channelId is not a number"
    assert "NUL" in bad["line 6"]
    assert bad["line 9"] == "text is not a string"


def test_a_list_of_messages_and_a_channel_of_one_s_own(tmp_path: Path) -> None:
    ((_, entry),) = read(tmp_path, [{"messageId": "1"}], channel_id="-1007")
    assert (entry.channel_id, entry.message_id, entry.status) == ("-1007", "1", "received")


@pytest.mark.parametrize("content", [b'{\n "name": "x",\n "messages": [\n', b'{\n "a": 1\n}\n'])
def test_a_broken_or_foreign_document_is_one_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ImportFileError):
        read(tmp_path, content)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="No such file"):
        list(read_entries(tmp_path / "none.json"))


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, b"") == []


def test_text_entities_take_the_place_of_a_missing_text() -> None:
    message = {"id": 1, "text_entities": [{"type": "plain", "text": "a"}, {"type": "bold", "text": "b"}]}
    assert api_message(message, "-1005")["text"] == "ab"


def test_doubles_within_a_batch_are_told_by_their_ids() -> None:
    def record(source_id: str | None, text: str = "x") -> MessageRecord:
        return record_from_json({"channelId": "-1005", "messageId": "1", "id": source_id, "text": text})

    kept = _single(
        [record("a"), record("b"), record("a"), record("a", "edited"), record(None), record(None, "y")]
    )
    assert [(r.source_id, r.text) for r in kept] == [("a", "x"), ("b", "x"), (None, "y")]


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        utc_from_iso(text)


def test_fault_34_a_reply_to_a_message_of_another_chat_is_no_reply_here() -> None:
    here = {"id": 9, "text": "x", "reply_to_message_id": 2}
    assert api_message(here, "-1005")["metadata"] == {"replyTo": "2"}
    assert api_message(here | {"reply_to_peer_id": "channel1777"}, "-1005")["metadata"] == {}


def test_fault_35_what_an_export_could_not_show_is_skipped_and_counted(tmp_path: Path) -> None:
    hidden = {"id": 2, "type": "unsupported", "date": "2025-11-12T10:04:31", "text": ""}
    ((place, entry),) = read(tmp_path, CHAT | {"messages": [hidden]})
    assert (place, entry) == ("chat 1 message 1", Skipped.UNSUPPORTED)


def test_an_export_whose_id_stands_behind_its_messages(tmp_path: Path) -> None:
    message = {"id": 1, "type": "message", "date": "2020-01-01T00:00:00", "text": "x"}
    ((_, entry),) = read(tmp_path, {"messages": [message], "id": 5, "type": "public_channel"})
    assert entry.channel_id == "-1000000000005"


def test_an_export_on_a_single_line(tmp_path: Path) -> None:
    content = json.dumps(CHAT | {"name": "x" * LONGEST_LINE}).encode()
    assert [str(entry) for entry in read(tmp_path, content)] == [str(entry) for entry in read(tmp_path, CHAT)]


def test_fault_70_an_export_of_any_size_is_read_in_little_memory(tmp_path: Path) -> None:
    message = {
        "id": 1,
        "type": "message",
        "date": "2020-01-01T00:00:00",
        "text": ["Ativo ", {"text": "x" * 900}],
    }
    text = json.dumps(message)
    count = 25_000_000 // len(text)
    path = tmp_path / "result.json"
    with path.open("w") as file:
        file.write('{"name": "c", "type": "public_channel", "id": 5, "messages": [')
        file.writelines(f"{text},\n" for _ in range(count - 1))
        file.write(f"{text}]}}")
    assert path.stat().st_size > 24_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(isinstance(entry, MessageRecord) for _, entry in read_entries(path)) == count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024, "in kB"


@pytest.mark.parametrize(
    "begins", [b"x", b'{"messageId": "1", "text": "', b'{"messages": [{"id": 1, "text": "', b"\0"]
)
def test_fault_60_a_line_without_end_is_one_error(tmp_path: Path, begins: bytes) -> None:
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write(begins)
        file.truncate(300_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImportFileError, match=f"its first line has more than {LONGEST_LINE} bytes"):
        list(read_entries(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024, "in kB"


def test_fault_60_a_text_of_300_mb_within_an_export_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with path.open("wb") as file:
        file.write(b'{\n"messages": [{"id": 1, "text": "')
        file.writelines(b"x" * 1_000_000 for _ in range(300))
        file.write(b'"}]}')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImportFileError, match="a value in it is longer"):
        list(read_entries(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "in kB"


def test_fault_60_dev_zero_is_one_error() -> None:
    with pytest.raises(ImportFileError, match="its first line has more than"):
        list(read_entries(Path("/dev/zero")))


def test_fault_60_a_long_line_among_others_costs_itself_only(tmp_path: Path) -> None:
    line = b'{"channelId": "-1005", "messageId": "1"}'
    (_, first), (place, second), (_, third) = read(
        tmp_path, b"\n".join([line, b"x" * (3 * LONGEST_LINE), line])
    )
    assert isinstance(first, MessageRecord)
    assert isinstance(third, MessageRecord)
    assert (place, str(second)) == ("line 2", f"longer than {LONGEST_LINE} bytes")
