"""The keys in force. They can be exchanged while requests are served."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

from config.keys import ApiKeyEntry

__all__ = ["KeyRing"]


class KeyRing:
    """Knows which key a request carries, in any of the ``headers``."""

    def __init__(self, keys: Iterable[ApiKeyEntry], *, headers: tuple[str, ...] = ("x-api-key",)) -> None:
        self._keys = tuple(keys)
        self.headers = headers

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self._keys)

    def replace(self, keys: Iterable[ApiKeyEntry]) -> None:
        """Take other keys from now on; from any thread, as one reference is exchanged."""
        self._keys = tuple(keys)

    def is_given(self, scope: Scope) -> bool:
        """Return whether a request carries a key, right or wrong."""
        headers = Headers(scope=scope)
        return any(name in headers for name in self.headers)

    def key_of(self, scope: Scope) -> ApiKeyEntry | None:
        """Return the key of a request; None for none or a wrong one. It takes a time that tells nothing of any key."""
        headers = Headers(scope=scope)
        # header values are bytes, read as Latin-1
        given = [headers.get(name, "").encode("latin-1") for name in self.headers]
        found = None
        for key in self._keys:
            secret = key.secret.encode()
            # each is compared to its end, whatever an earlier one gave
            equal = [hmac.compare_digest(value, secret) for value in given]
            found = key if any(equal) else found
        return found
