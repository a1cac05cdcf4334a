"""Makes a text safe to show on a terminal, in a log or in an answer. All such texts pass through here.

Secrets are replaced, and text from outside can neither control a terminal nor change the reading direction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["json_fault", "keep_hidden", "printable", "shown", "shown_values"]

#: a shorter value may also be part of an ordinary word, so it is covered only as a whole word
_SHORT = 4
_COVER = "***"
#: the user and password of any address, and any value given as ``password=``
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]*:[^\s\"'<>]*@(?=[\w.\[:*-])")
_BY_NAME = re.compile(r"(?i)(?<=password)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)")

#: all secrets of this process; longest first, because one may be part of another
_secrets: tuple[str, ...] = ()


def keep_hidden(secrets: Iterable[str], *, further: bool = False) -> None:
    """Cover these values from now on. ``further`` adds them to the known secrets. Otherwise they replace those."""
    global _secrets  # noqa: PLW0603 - a secret is one for the whole process
    known = {*secrets, *(_secrets if further else ())}
    _secrets = tuple(sorted(filter(None, known), key=len, reverse=True))


def shown(text: str, *, keep: str = "") -> str:
    """Return a text that is safe to show: without secrets, and :func:`printable`."""
    for secret in _secrets:
        if secret not in text:
            continue
        if len(secret) >= _SHORT:
            text = text.replace(secret, _COVER)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _COVER, text)
    if "://" in text:
        text = _USERINFO.sub(f"{_COVER}@", text)
    if "password" in text.lower():
        text = _BY_NAME.sub(rf"\1{_COVER}", text)
    return printable(text, keep=keep)


def shown_values(value: object, *, keep: str = "") -> object:
    """Return a value in which every text is :func:`shown`. Any other object is shown by its ``repr``."""
    if isinstance(value, str):
        return shown(value, keep=keep)
    if isinstance(value, dict):
        return {str(shown_values(key)): shown_values(item, keep=keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown_values(item, keep=keep) for item in value]
    # A log format would write the repr of an unknown object itself, and not cover the secrets in it.
    return value if value is None or isinstance(value, bool | int | float) else shown(repr(value), keep=keep)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text in which every character that is not visible as itself is escaped.

    These are control characters (terminal escapes, line ends), direction marks, zero-width characters and lone
    surrogates. ``keep`` names characters that may stay.

    >>> printable("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def json_fault(error: ValueError | RecursionError) -> str:
    """Return why a text is not valid JSON. The interpreter's own limits are named in plain words."""
    if isinstance(error, RecursionError):
        return "values are nested too deeply"
    return "a number has too many digits" if "integer string conversion" in str(error) else str(error)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
