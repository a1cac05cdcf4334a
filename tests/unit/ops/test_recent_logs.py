"""The last log entries: cleaned, cut, in order, and told apart when some were missed."""

from __future__ import annotations

import io
from typing import Any

import pytest
import structlog

from ops.http.kit.encoding import encode
from ops.logging import configure_logging
from ops.recent_logs import LONGEST_CHARACTERS, RecentLogs

SECRET = "s3cret-of-the-test"


def kept(*entries: dict[str, Any], most: int = 100) -> RecentLogs:
    logs = RecentLogs(most=most)
    for entry in entries:
        logs.remember(None, "", entry)
    return logs


def events(
    logs: RecentLogs, *, level: str = "debug", limit: int = 100, after: int | None = None
) -> list[str]:
    return [entry["event"] for entry in logs.page(level=level, limit=limit, after=after).entries]


@pytest.fixture
def numbered() -> RecentLogs:
    levels = ("debug", "info", "warning", "error", "critical", "info")
    return kept(*({"event": f"e{n}", "level": level} for n, level in enumerate(levels, start=1)))


def test_fault_80_the_newest_entries_come_newest_first(numbered: RecentLogs) -> None:
    assert events(numbered, limit=3) == ["e6", "e5", "e4"]


def test_only_what_is_grave_enough_comes(numbered: RecentLogs) -> None:
    assert events(numbered, level="warning") == ["e5", "e4", "e3"]
    assert events(numbered, level="info", limit=2) == ["e6", "e5"]


def test_who_follows_goes_on_where_it_was(numbered: RecentLogs) -> None:
    first = numbered.page(level="debug", limit=2, after=1)
    assert ([entry["number"] for entry in first.entries], first.last, first.missed) == ([3, 2], 3, False)
    second = numbered.page(level="error", limit=2, after=first.last)
    # past what was not grave enough, so that it is not looked at again
    assert ([entry["number"] for entry in second.entries], second.last) == ([5, 4], 6)
    third = numbered.page(level="debug", limit=2, after=second.last)
    assert (third.entries, third.last) == ([], 6)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"event": "batch.committed", "channel": "-1", "new": 3}, "batch.committed channel=-1 new=3"),
        ({"event": "x", "message": "Processing batch", "count": 3}, "Processing batch"),
        (
            {"event": "it.failed", "exception": "Traceback\nKeyError: 'a'"},
            "it.failed exception=KeyError: 'a'",
        ),
        ({}, ""),
    ],
)
def test_fault_80_every_entry_has_a_message_for_clients_that_show_nothing_else(
    entry: dict[str, Any], message: str
) -> None:
    logs = kept({"level": "info", "timestamp": "2026-11-20T12:00:00Z", **entry})
    assert logs.page(level="debug", limit=1, after=None).entries[0]["message"] == message


def test_a_number_beyond_what_the_answer_can_hold_is_kept_as_text() -> None:
    logs = kept({"event": "e", "level": "info", "most": 2**64 - 1, "beyond": 2**64, "below": -(2**63) - 1})
    entry = logs.page(level="debug", limit=1, after=None).entries[0]
    assert encode(entry)
    assert (entry["most"], entry["beyond"]) == (2**64 - 1, "0x10000000000000000")
    assert entry["below"] == "-0x8000000000000001"


def test_who_follows_too_slowly_is_told_that_some_are_gone() -> None:
    logs = kept(*({"event": f"e{n}", "level": "info"} for n in range(1, 11)), most=4)
    assert logs.page(level="debug", limit=10, after=6).missed is False
    assert logs.page(level="debug", limit=10, after=5).missed is True
    assert kept().page(level="debug", limit=10, after=0).missed is False


def test_long_values_are_cut_so_that_no_whole_message_stands_there() -> None:
    text = "x" * (LONGEST_CHARACTERS + 1)
    logs = kept({"event": "e", "text": text, "deep": {"list": [text] * 50}, "number_of": 5})
    (entry,) = logs.page(level="debug", limit=1, after=None).entries
    assert entry["text"] == "x" * LONGEST_CHARACTERS + "…"
    assert len(entry["deep"]["list"]) == 20
    assert entry["number_of"] == 5


def test_of_an_exception_only_its_last_line_is_kept() -> None:
    logs = kept({"event": "e", "exception": "Traceback\n  File x\nKeyError: 'a'\n"})
    (entry,) = logs.page(level="debug", limit=1, after=None).entries
    assert entry["exception"] == "KeyError: 'a'"


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_logs_of_the_daemon_are_kept_without_secrets_and_with_their_names(form: Any) -> None:
    stream = io.StringIO()
    logs = configure_logging(level="INFO", form=form, secrets=[SECRET], stream=stream)
    log = structlog.get_logger("test")
    log.debug("too.quiet")
    try:
        int(f"password {SECRET}")
    except ValueError:
        log.exception("it.failed", url=f"postgresql://u:{SECRET}@h/d", count=3)
    (entry,) = logs.page(level="debug", limit=10, after=None).entries
    assert (entry["event"], entry["level"], entry["count"], entry["number"]) == ("it.failed", "error", 3, 1)
    assert entry["exception"].startswith("ValueError: invalid literal")
    assert entry["exception"].endswith("'password ***'")
    assert SECRET not in str(entry)
    assert SECRET not in stream.getvalue()
    assert "timestamp" in entry
