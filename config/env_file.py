"""Reads the file ``.env`` as a shell does, also where python-dotenv differs. Unreadable lines are reported once."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import parse_variables
from pydantic_settings import DotEnvSettingsSource

__all__ = ["EnvFile", "EnvFileSource", "name_in_use", "read_env_file"]

_SINGLE_QUOTED = re.compile(r"\s*(?:export\s+)?[^=\s]+\s*=\s*'")
# Every group reads the file, so the library would report an unreadable line once per group.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """The values of a file. ``unreadable`` holds the numbers of the lines that cannot be read."""

    values: Mapping[str, str]
    unreadable: tuple[int, ...]


def read_env_file(path: Path | None) -> EnvFile:
    """Read a file. A missing file has no values.

    Raises:
        OSError, UnicodeDecodeError: The file cannot be read.
    """
    values: dict[str, str] = {}
    unreadable: list[int] = []
    if path is not None and path.is_file():
        with path.open(encoding="utf-8") as file:
            for binding in parse_stream(file):
                if binding.error:
                    unreadable.append(_line(binding))
                elif binding.key is not None and binding.value is not None:
                    values[binding.key] = _resolved(binding, binding.value, values)
    return EnvFile(values=values, unreadable=tuple(unreadable))


def name_in_use(names: tuple[str, ...], env_file: Path | None = Path(".env")) -> str:
    """Return the first of these names that is set, or the first name when none is set."""
    said = {name.upper() for name, value in (read_env_file(env_file).values | os.environ).items() if value}
    return next((name for name in names if name in said), names[0])


class EnvFileSource(DotEnvSettingsSource):
    """Reads settings with :func:`read_env_file`."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        # Names ignore case, like those of the environment. An empty value counts as unset.
        return {name.lower(): value for name, value in read_env_file(file_path).values.items() if value}


def _resolved(binding: Binding, value: str, before: Mapping[str, str]) -> str:
    """Return a value with ``${name}`` replaced. Like a shell, it replaces nothing between single quotes."""
    if _SINGLE_QUOTED.match(binding.original.string):
        return value
    known: dict[str, str | None] = {**os.environ, **before}
    return "".join(atom.resolve(known) for atom in parse_variables(value))


def _line(binding: Binding) -> int:
    """Return the line number of a binding, whose text may begin with line ends of earlier lines."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
