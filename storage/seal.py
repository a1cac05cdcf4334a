"""Seals pages that are stored outside this process, so that only pages of our own daemons are served.

Otherwise anyone who can write to Redis could choose what is served. The keyed digest covers the name of a page, which
holds the commit number, and the time when it expires. So nobody else can create a page, change it, move it to another
name or extend its time.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

__all__ = ["MAX_SEALED_BYTES", "BrokenSealError", "Seal"]

#: longer pages are neither stored in Redis nor read from it; a page of 1,000 typical signals has 1 to 2 MB
MAX_SEALED_BYTES = 8 * 1024 * 1024
_MARK = b"tpc1"
_DIGEST_BYTES = 32
_INSTANT_BYTES = 8
_HEAD_BYTES = len(_MARK) + _DIGEST_BYTES + _INSTANT_BYTES
_PURPOSE = b"tp-capital page"


class BrokenSealError(Exception):
    """A value is no valid page of ours. ``reason`` is ``format``, ``digest``, ``expired``, ``size`` or ``type``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Seal:
    """Seals pages and opens sealed pages. It does neither before the secret is known.

    One thread sets the secret while others use it. That is safe, because it swaps one reference.
    """

    def __init__(self, secret: str | None = None) -> None:
        self._key = _key_of(secret.encode()) if secret else None

    @property
    def known(self) -> bool:
        """Whether pages can be sealed and opened."""
        return self._key is not None

    def learn(self, secret: bytes) -> None:
        """Set the secret that all daemons of this database share."""
        self._key = _key_of(secret)

    def close(self, name: str, page: bytes, *, ends_at: datetime) -> bytes | None:
        """Return ``page`` sealed for ``name``, or None when the secret is unknown or the page too long."""
        if self._key is None or len(page) > MAX_SEALED_BYTES - _HEAD_BYTES:
            return None
        instant = round(ends_at.timestamp() * 1000).to_bytes(_INSTANT_BYTES)
        return b"%b%b%b%b" % (_MARK, _digest(self._key, name, instant, page), instant, page)

    def open(self, name: str, sealed: bytes, *, now: datetime) -> bytes:
        """Return the page that was stored under ``name``.

        Raises:
            BrokenSealError: The page is not ours or has expired.
        """
        if len(sealed) > MAX_SEALED_BYTES:
            raise BrokenSealError("size")
        if self._key is None or len(sealed) < _HEAD_BYTES or not sealed.startswith(_MARK):
            raise BrokenSealError("format")
        digest, rest = sealed[len(_MARK) :][:_DIGEST_BYTES], sealed[len(_MARK) + _DIGEST_BYTES :]
        instant, page = rest[:_INSTANT_BYTES], rest[_INSTANT_BYTES:]
        if not hmac.compare_digest(digest, _digest(self._key, name, instant, page)):
            raise BrokenSealError("digest")
        if int.from_bytes(instant) <= now.timestamp() * 1000:
            raise BrokenSealError("expired")
        return page


def _key_of(secret: bytes) -> bytes:
    return hashlib.blake2b(secret, digest_size=64, person=_PURPOSE).digest()


def _digest(key: bytes, name: str, instant: bytes, page: bytes) -> bytes:
    # The length of each part is fixed or included, so bytes cannot be moved from one part to the next.
    written = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=_PURPOSE)
    for part in (len(written).to_bytes(8), written, instant, page):
        digest.update(part)
    return digest.digest()
