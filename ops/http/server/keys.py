"""The valid API keys. They can be replaced while requests are served."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

from config.keys import ApiKeyEntry

__all__ = ["KeyRing"]


class KeyRing:
    """Finds the key of a request in any of the ``headers``."""

    def __init__(self, keys: Iterable[ApiKeyEntry], *, headers: tuple[str, ...] = ("x-api-key",)) -> None:
        self._keys = tuple(keys)
        self.headers = headers
        #: how many times the keys were replaced; who remembers a decision about a key remembers it with this number
        self.version = 0

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self._keys)

    def replace(self, keys: Iterable[ApiKeyEntry]) -> None:
        """Use other keys from now on.

        Any thread may call this, without a lock: it replaces one reference to an immutable tuple. A request that is
        being checked at the same time uses the old keys or the new ones, never a mixture.
        """
        self._keys = tuple(keys)
        self.version += 1

    def is_given(self, scope: Scope) -> bool:
        """Return whether a request carries a key, right or wrong."""
        headers = Headers(scope=scope)
        return any(name in headers for name in self.headers)

    def key_of(self, scope: Scope) -> ApiKeyEntry | None:
        """Return the key of a request, or None if it has none or a wrong one.

        The duration reveals nothing about the keys: each comparison takes constant time, and no match ends the loop.
        """
        headers = Headers(scope=scope)
        # the server decodes header bytes as Latin-1, so this restores the bytes that were sent
        given = [headers.get(name, "").encode("latin-1") for name in self.headers]
        found = None
        for key in self._keys:
            secret = key.secret.encode()
            # a list, not a generator: every header is compared even after a match
            equal = [hmac.compare_digest(value, secret) for value in given]
            found = key if any(equal) else found
        return found
