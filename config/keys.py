"""Keys of the HTTP API: each with a name for the log and a scope, what it may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["DEFAULT_KEY", "SHORTEST_KEY", "ApiKeyEntry", "parse_keys"]

#: the name of the key that stands alone in `TP_CAPITAL_API_KEY`
DEFAULT_KEY = "default"
#: off loopback: 16 characters drawn at random cannot be guessed, whatever the rate
SHORTEST_KEY = 16
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,32}):(?P<scope>read|write):(?P<secret>[!-~]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyEntry:
    """One key. Who may write may read too."""

    name: str
    scope: Literal["read", "write"]
    secret: str = field(repr=False)


def parse_keys(text: str) -> tuple[ApiKeyEntry, ...]:
    """Read ``name:scope:key`` entries, parted by commas or one a line; what follows ``#`` on a line is left out.

    Raises:
        ValueError: with the place of the entry at fault, never the entry itself.
    """
    keys: list[ApiKeyEntry] = []
    for number, entry in enumerate(_entries(text), start=1):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(
                f"entry {number} is no name:read:key or name:write:key (a key has no blanks and no commas)"
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
