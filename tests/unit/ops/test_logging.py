"""Logging: one JSON object a line, our lines and the libraries', with every secret blacked out."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
import structlog

from ops.logging import configure_logging

SECRET = "s3cret-word"
Form = Literal["json", "console"]
QUIET = ("urllib3", "asyncio", "uvicorn")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    # an actor that a test ran in this thread has bound its name
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()
    for name, former in levels.items():
        logging.getLogger(name).setLevel(former)


def logged(write: Callable[[], object], *, form: Form = "json", level: str = "INFO") -> str:
    """Return what stands on the stream, which takes nothing but UTF-8."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", errors="strict", write_through=True)
    configure_logging(level=level, form=form, secrets=[SECRET, "", "abc"], stream=stream)
    write()
    return raw.getvalue().decode()


def line(write: Callable[[], object], **options: Any) -> dict[str, Any]:
    (only,) = logged(write, **options).splitlines()
    entry: dict[str, Any] = json.loads(only)
    return entry


def log() -> Any:
    return structlog.get_logger("test")


def test_a_line_is_one_json_object_with_event_level_and_utc_time() -> None:
    entry = line(lambda: log().info("batch.committed", message="two\nlines", count=3))
    at = datetime.fromisoformat(entry.pop("timestamp"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert entry == {"event": "batch.committed", "level": "info", "message": "two\nlines", "count": 3}


def test_bound_values_and_context_are_in_the_line() -> None:
    structlog.contextvars.bind_contextvars(actor="poller:-1")
    entry = line(lambda: log().bind(generation=2).warning("poll.failed"))
    assert (entry["actor"], entry["generation"], entry["level"]) == ("poller:-1", 2, "warning")


def test_a_librarys_line_has_the_same_shape_and_names_the_library() -> None:
    entry = line(lambda: logging.getLogger("pykka").warning("Actor %s died", "A"))
    entry.pop("timestamp")
    assert entry == {"event": "pykka.logged", "level": "warning", "message": "Actor A died"}


def test_lines_below_the_level_are_left_out() -> None:
    def write() -> None:
        log().debug("a.b")
        log().info("a.b")
        logging.getLogger("library").info("x")
        log().warning("c.d")

    assert line(write, level="WARNING")["event"] == "c.d"


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "asyncio", "uvicorn.error"])
def test_chatty_libraries_are_heard_from_a_warning_on(name: str) -> None:
    assert not logged(lambda: logging.getLogger(name).info("x"), level="DEBUG")
    assert logged(lambda: logging.getLogger(name).error("x"), level="DEBUG")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        f"key={SECRET};",
        [SECRET],
        (SECRET, 1),
        {SECRET},
        {"inner": {"deeper": [SECRET]}},
        {SECRET: 1},
        SECRET.encode(),
        ValueError(f"for {SECRET}"),
    ],
    ids=["text", "list", "tuple", "set", "nested", "key", "bytes", "exception"],
)
def test_a_secret_is_blacked_out_wherever_it_turns_up(form: Form, value: object) -> None:
    out = logged(lambda: log().info("a.b", value=value), form=form)
    assert SECRET not in out
    assert "***" in out


def refuse() -> None:
    password = SECRET
    raise ConnectionError(f"password {password} \ud800 refused")


def fail_with_us() -> None:
    try:
        refuse()
    except ConnectionError:
        log().exception("a.failed")


def fail_with_a_library() -> None:
    try:
        refuse()
    except ConnectionError:
        logging.getLogger("library").exception("It failed.")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("fail", [fail_with_us, fail_with_a_library])
def test_a_secret_in_an_exception_is_blacked_out_and_local_variables_are_not_shown(
    form: Form, fail: Callable[[], None]
) -> None:
    out = logged(fail, form=form)
    assert "ConnectionError: password ***" in out
    assert SECRET not in out


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_in_a_librarys_words_is_blacked_out(form: Form) -> None:
    assert SECRET not in logged(lambda: logging.getLogger("x").error("key %s", SECRET), form=form)


def test_a_very_short_secret_does_not_black_out_innocent_words() -> None:
    assert line(lambda: log().info("a.b", value="abcdef xabc"))["value"] == "abcdef xabc"
    assert line(lambda: log().info("a.b", value="abc"))["value"] == "***"


@pytest.mark.parametrize("form", ["json", "console"])
def test_lone_surrogates_do_not_break_the_stream(form: Form) -> None:
    def write() -> None:
        log().info("a.b", text="\ud83d", nested=[{"\udc00": "\ud800"}])
        logging.getLogger("library").error("%s", "\udfff")
        fail_with_us()

    assert "\\ud83d" in logged(write, form=form)


def test_odd_values_are_shown_and_never_lose_the_line() -> None:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    entry = line(lambda: log().info("a.b", at=at, nothing=None, yes=True, share=0.5, text="🟢 é"))
    assert (entry["nothing"], entry["yes"], entry["share"], entry["text"]) == (None, True, 0.5, "🟢 é")
    assert "2026" in entry["at"]


def test_by_default_the_log_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", form="json")
    log().info("a.b")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["event"] == "a.b"
    assert not captured.err
    assert sys.stdout is not None


def test_configuring_again_replaces_and_does_not_double() -> None:
    assert len(logged(lambda: log().info("a.b")).splitlines()) == 1
    assert len(logged(lambda: log().info("a.b")).splitlines()) == 1
