"""Reports setting names that are unknown or come from an older deployment, so that none is ignored silently."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from config.env_file import read_env_file
from config.former import FORMER
from config.secret_files import FILE_SUFFIX
from ops.configuration import OF_COMMANDS, setting_groups
from ops.environment_file import OF_COMPOSE

__all__ = ["setting_notes"]

_PREFIX = "TP_CAPITAL_"
#: the prefix of variables for the tests of this project
_TESTS_OWN = "TP_CAPITAL_TEST_"
#: the similarity needed for a suggestion; without our prefix a name may belong to another program, so it is higher
_NEAR, _ALMOST = 0.6, 0.93


def setting_notes(env_file: Path | None = Path(".env")) -> list[str]:
    """Return a note for each unknown or old name and each unreadable line, with its place and the likely name."""
    known = _known()
    file = read_env_file(env_file)
    notes = [
        f"{env_file} line {number} cannot be read: it must have the form NAME=value"
        for number in file.unreadable
    ]
    for place, names in (("the environment", os.environ), (str(env_file), file.values)):
        notes += [
            f"{name} in {place}: {note}"
            for name in sorted(names)
            if names[name] and (note := _note(name.upper(), known)) is not None
        ]
    return notes


def _note(name: str, known: frozenset[str]) -> str | None:
    if name in FORMER:
        return f"this is an older name of {FORMER[name]}; it still works"
    if name in known or name.startswith(_TESTS_OWN):
        return None
    ours = name.startswith(_PREFIX)
    # compare without the common prefix, which would make all names similar
    ends = (
        {one.removeprefix(_PREFIX): one for one in sorted(known, reverse=True)}
        if ours
        else {n: n for n in known}
    )
    near = difflib.get_close_matches(name.removeprefix(_PREFIX), ends, n=1, cutoff=_NEAR if ours else _ALMOST)
    if near:
        return f"there is no such setting; the nearest is {ends[near[0]]}"
    return "there is no such setting" if ours else None


def _known() -> frozenset[str]:
    return frozenset(_names())


def _names() -> Iterator[str]:
    for name, _, _ in OF_COMMANDS:
        yield from (name, name + FILE_SUFFIX)
    yield from OF_COMPOSE
    for group in setting_groups():
        for setting in group.settings:
            for name in setting.names:
                yield name
                if setting.secret:
                    yield name + FILE_SUFFIX
