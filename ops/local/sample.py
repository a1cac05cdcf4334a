"""The sample channel history for the demo: invented messages of the last 35 sessions of B3, which are less than 60 days.

``sample_history.jsonl`` holds them with relative times and placeholders. So the dates, option series and futures
contracts in the texts are right on any day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from importlib.resources import files
from typing import Any

from actors.analysis.contracts import front_contract
from engine.sessions import session_hours, sessions_before

__all__ = ["SAMPLE_CHANNEL", "load_sample", "read_sample"]

SAMPLE_CHANNEL = "-1001649127710"

#: B3's local time; Brazil has had no summer time since 2019
_B3_TIME = timezone(timedelta(hours=-3))
#: the delay between Telegram and the gateway
_RECEIPT_DELAY = timedelta(seconds=2)
_PLACEHOLDER = re.compile(r"\{(date|fulldate|call|put|future) ([^{}]*?)(?: @(-\d+))?\}")
#: B3's letters by month: series of calls, series of puts
_CALL_LETTERS = "ABCDEFGHIJKL"
_PUT_LETTERS = "MNOPQRSTUVWX"
#: an option in the texts expires in the month of the day this many days later
_OPTION_DAYS = 20


def read_sample() -> list[dict[str, Any]]:
    """Return the lines of the file. A line also holds ``sessions_ago`` (before today), ``time`` (B3) and ``kind``.

    ``kind`` is the kind of the message (format catalogue, section 8). It is not part of the message.
    """
    lines = files(__package__).joinpath("sample_history.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def load_sample(now: datetime, *, channel_id: str = SAMPLE_CHANNEL) -> list[dict[str, Any]]:
    """Return the history as messages of the gateway's API, oldest first, all before ``now``.

    The same ``now`` gives the same messages. Their ``id`` is the same on any day, so a repeated import adds nothing.
    """
    today = now.astimezone(_B3_TIME).date()
    lines = read_sample()
    sessions = sessions_before(today, max(line["sessions_ago"] for line in lines))
    return [_message(line, sessions, channel_id) for line in lines]


def _message(line: Mapping[str, Any], sessions: Sequence[date], channel_id: str) -> dict[str, Any]:
    # the day of the message, and those before it
    days = sessions[line["sessions_ago"] - 1 :]
    sent = datetime.combine(days[0], time.fromisoformat(line["time"]), tzinfo=_B3_TIME)
    media_type = line.get("mediaType")
    return {
        "id": line["id"],
        "channelId": channel_id,
        "messageId": line["messageId"],
        "source": "telegram",
        "messageType": "channel_post",
        "text": _filled(line["text"], days),
        "caption": _filled(line.get("caption"), days),
        "mediaType": media_type,
        "mediaRefs": [{"path": f"photos/{line['id']}.jpg"}] if media_type else [],
        "status": "received",
        "receivedAt": _iso(sent + _RECEIPT_DELAY),
        "telegramDate": None if line.get("undated") else _iso(sent),
        "metadata": {"replyTo": line["replyTo"]} if "replyTo" in line else {},
        "createdAt": _iso(sent + _RECEIPT_DELAY),
        "updatedAt": _iso(sent + _RECEIPT_DELAY),
    }


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _filled(text: str | None, days: Sequence[date]) -> str | None:
    """Fill the placeholders of a text that was sent on the first of ``days``; the others are the sessions before it.

    >>> _filled("{date +3} {call PETR 372} {put PETR 352} {future WIN} {future WDO}", [date(2025, 11, 19)])
    '22/11 PETRL372 PETRX352 WINZ25 WDOZ25'

    ``@-2`` writes an option as a message two sessions earlier wrote it.
    """

    def fill(match: re.Match[str]) -> str:
        name, argument, shift = match.groups()
        written = days[-int(shift or 0)]
        if name == "date":
            return f"{written + timedelta(days=int(argument)):%d/%m}"
        if name == "fulldate":
            return f"{written + timedelta(days=int(argument)):%d/%m/%Y}"
        if name == "future":
            front = front_contract(f"{argument}FUT", session_hours(written)[0])
            assert front is not None  # noqa: S101 - the texts name index and dollar only
            return front.symbol
        root, remove = argument.split()
        letters = _CALL_LETTERS if name == "call" else _PUT_LETTERS
        return root + letters[(written + timedelta(days=_OPTION_DAYS)).month - 1] + remove

    return None if text is None else _PLACEHOLDER.sub(fill, text)
