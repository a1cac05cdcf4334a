"""What commands write on their terminal: outside text made harmless, and streams that are odd, full or closed."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable

import orjson
import typer
from rich.markup import escape

from engine.shown import printable, shown

__all__ = ["guarded", "json_text", "markup", "say", "say_json"]

_FAILED = 1
_LINES = "\n\t"


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print words of ours, with whatever outside text is in them made harmless."""
    typer.echo(shown(text, keep=_LINES), err=err, nl=nl)


def markup(value: object) -> str:
    """Return outside text for a table of rich: it can neither style nor steer it."""
    return escape(shown(str(value)))


def say_json(value: object, *, indent: bool = False) -> None:
    """Print a value for machines."""
    typer.echo(json_text(value, indent=indent))


def json_text(value: object, *, indent: bool = False) -> str:
    """Return a value as JSON; what a terminal would obey is written as JSON's own escape, the value stays the same."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def guarded(run: Callable[[], None]) -> None:
    """Run the command line on streams that hold: none closed, none that cannot write a character.

    What cannot be written to standard output ends the command with one line, not a traceback.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # texts and JSON lines are UTF-8, whatever the terminal's words are written in
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    try:
        try:
            run()
        finally:
            # what is still kept back is written while a failure can be told
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        if error.errno != errno.EPIPE:
            with contextlib.suppress(OSError):
                reason = printable(error.strerror or str(error))
                sys.stderr.write(f"tp-capital: cannot write to standard output: {reason}\n")
        sys.exit(_FAILED)


def _open_closed_streams() -> None:
    """Open what was closed (``>&-``) on nothing: the next file or socket would become the standard output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # the lowest free number is taken, and those below are open by now
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def _drop_output() -> None:
    """Let what is still kept back go nowhere: the interpreter would complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
