"""Keys of the HTTP API. Each has a name for the log and a scope that says what it may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["DEFAULT_KEY", "SHORTEST_KEY", "ApiKeyEntry", "parse_keys"]

#: the name of the single key in `TP_CAPITAL_API_KEY`
DEFAULT_KEY = "default"
#: the limit outside loopback: 16 random characters cannot be guessed at any rate of requests
SHORTEST_KEY = 16
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,32}):(?P<scope>read|write):(?P<secret>[!-~]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyEntry:
    """One key. A key that may write may read too."""

    name: str
    scope: Literal["read", "write"]
    secret: str = field(repr=False)


def parse_keys(text: str) -> tuple[ApiKeyEntry, ...]:
    """Read ``name:scope:key`` entries, separated by commas or one per line. ``#`` begins a comment.

    Raises:
        ValueError: It names the number of the bad entry and never quotes the entry.
    """
    keys: list[ApiKeyEntry] = []
    for number, entry in enumerate(_entries(text), start=1):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(
                f"entry {number} must be name:read:key or name:write:key (a key has no blanks and no commas)"
            )
        scope: Literal["read", "write"] = "write" if match["scope"] == "write" else "read"
        keys.append(ApiKeyEntry(name=match["name"], scope=scope, secret=match["secret"]))
    for what in ("name", "secret"):
        seen = [getattr(key, what) for key in keys]
        if len(set(seen)) < len(seen):
            raise ValueError(f"two entries have the same {'key' if what == 'secret' else what}")
    return tuple(keys)


def _entries(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for entry in line.partition("#")[0].split(","):
            if entry.strip():
                yield entry.strip()
