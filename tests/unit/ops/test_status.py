"""``status``: what it says of a channel."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from ops.commands.status import health_tables

CHANNEL = "-1001649127710"


def shown(stored: dict[str, Any], *, width: int = 200) -> str:
    history = {"channel": CHANNEL, "rowsRead": 0, "completedAt": "2026-11-20T12:00:00Z"}
    body = {
        "status": "healthy",
        "checks": {},
        "details": {
            "pollingWorker": {"channels": [{"channel": CHANNEL}]},
            "historicalSync": {"channels": [history]},
        },
    }
    console = Console(width=width)
    with console.capture() as capture:
        console.print(health_tables(body, "http://127.0.0.1:4008", stored))
    return capture.get()


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({CHANNEL: {"label": "Ouro", "messages": 4321}}, ("Ouro", "4321 messages, complete")),
        ({CHANNEL: {"label": None, "messages": None}}, ("0 rows, complete",)),
        ({}, ("0 rows, complete",)),
    ],
)
def test_a_complete_history_is_told_by_the_messages_that_are_here(
    stored: dict[str, Any], words: tuple[str, ...]
) -> None:
    text = shown(stored)
    assert [word for word in words if word not in text] == []
    assert ("label" in text) == ("Ouro" in words)


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_breaks_no_word(width: int) -> None:
    text = shown({CHANNEL: {"label": "Ouro", "messages": 43}}, width=width)
    assert max(map(len, text.splitlines())) <= width
    for words in ("history         43 messages, complete", "label           Ouro", "newest message  never"):
        assert words in text, text
