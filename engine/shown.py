"""What may be shown of a text to a person - on a terminal, in a log, in an answer: the one way out for all of them.

Secrets are covered, and outside text can neither steer a terminal nor turn the reading order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["json_fault", "keep_hidden", "printable", "shown", "shown_values"]

#: a value this short would also hide parts of innocent words: it is covered where it stands as a word of its own
_SHORT = 4
_COVER = "***"
#: user and password of an address, and a password given by its name, whoever's they are
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]*:[^\s\"'<>]*@(?=[\w.\[:*-])")
_BY_NAME = re.compile(r"(?i)(?<=password)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)")

#: the secrets of this process, whatever knows them: longest first, as one may be part of another
_secrets: tuple[str, ...] = ()


def keep_hidden(secrets: Iterable[str], *, further: bool = False) -> None:
    """Cover these values from now on; ``further``: beside those of before, else in their place."""
    global _secrets  # noqa: PLW0603 - what is secret is so for the whole process
    known = {*secrets, *(_secrets if further else ())}
    _secrets = tuple(sorted(filter(None, known), key=len, reverse=True))


def shown(text: str, *, keep: str = "") -> str:
    """Return a text fit to be shown: without secrets, and :func:`printable`."""
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
    """Return a value in which every text is :func:`shown`; what is neither text, number nor a collection is one."""
    if isinstance(value, str):
        return shown(value, keep=keep)
    if isinstance(value, dict):
        return {str(shown_values(key)): shown_values(item, keep=keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown_values(item, keep=keep) for item in value]
    # what no form has a notation for would be shown by its repr, uncovered
    return value if value is None or isinstance(value, bool | int | float) else shown(repr(value), keep=keep)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text in which every character that would not be seen as itself is written as its escape.

    Control characters (terminal escapes, line ends), marks of direction, characters without width, lone
    surrogates. ``keep`` names those that the place of showing can bear.

    >>> printable("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def json_fault(error: ValueError | RecursionError) -> str:
    """Return why a text was not read as JSON, in words for a person: the interpreter's own limits are named plainly."""
    if isinstance(error, RecursionError):
        return "values are nested too deeply"
    return "a number has too many digits" if "integer string conversion" in str(error) else str(error)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
