"""Terminal output of commands: escapes untrusted text, and handles closed, full and unusual streams."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable

import orjson
import typer

from engine.safe_text import printable, shown

__all__ = ["guarded", "json_text", "markup", "say", "say_json"]

_FAILED = 1
_LINES = "\n\t"


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text. Control characters and secrets from untrusted text in it are made harmless."""
    typer.echo(shown(text, keep=_LINES), err=err, nl=nl)


def markup(value: object) -> str:
    """Return untrusted text for rich. It can contain neither markup nor control characters."""
    from rich.markup import escape  # noqa: PLC0415 - the daemon prints nothing with rich, so it does not hold it

    return escape(shown(str(value)))


def say_json(value: object, *, indent: bool = False) -> None:
    """Print a value as JSON."""
    typer.echo(json_text(value, indent=indent))


def json_text(value: object, *, indent: bool = False) -> str:
    """Return a value as JSON. Control characters are written as JSON escapes, which keep the value the same."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def guarded(run: Callable[[], None]) -> None:
    """Run the command line on usable streams: all are open, and all can write any character.

    If writing to standard output fails, the command ends with one line instead of a traceback.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # texts and JSON lines are UTF-8, whatever encoding the terminal has
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    try:
        try:
            run()
        finally:
            # flush now, while a failure can still be reported
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        if error.errno != errno.EPIPE:
            with contextlib.suppress(OSError):
                reason = printable(error.strerror or str(error))
                sys.stderr.write(f"tp-capital: cannot write to standard output: {reason}\n")
        sys.exit(_FAILED)


def _open_closed_streams() -> None:
    """Open closed streams (``>&-``) on /dev/null. Otherwise the next file or socket would become standard output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # the system assigns the lowest free number, and all lower ones are open by now
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open until the exit


def _drop_output() -> None:
    """Send buffered output to /dev/null. Otherwise the interpreter would report an error at its exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
