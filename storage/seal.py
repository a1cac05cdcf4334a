"""A seal on every page that is kept outside this process: a page that we did not make is no page.

Whoever can write to Redis could else choose what is served. The digest is keyed and covers the name a page is kept
under, which holds the commit number, and the instant it ends. So a page cannot be made, changed, moved to another
name or kept beyond its time.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

__all__ = ["MAX_SEALED_BYTES", "BrokenSealError", "Seal"]

#: longer pages are neither kept in Redis nor read from it; a page of 1,000 usual signals has 1 to 2 MB
MAX_SEALED_BYTES = 8 * 1024 * 1024
_MARK = b"tpc1"
_DIGEST_BYTES = 32
_INSTANT_BYTES = 8
_HEAD_BYTES = len(_MARK) + _DIGEST_BYTES + _INSTANT_BYTES
_PURPOSE = b"tp-capital page"


class BrokenSealError(Exception):
    """A value is no page of ours. ``reason`` is one of ``format``, ``digest``, ``expired``, ``size``, ``type``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Seal:
    """Seals pages and opens sealed ones. Before the secret is known it does neither.

    One thread tells it the secret, others use it: a reference is swapped, nothing is ever half there.
    """

    def __init__(self, secret: str | None = None) -> None:
        self._key = _key_of(secret.encode()) if secret else None

    @property
    def known(self) -> bool:
        """Whether pages can be sealed and opened."""
        return self._key is not None

    def learn(self, secret: bytes) -> None:
        """Take the secret that all daemons of this database share."""
        self._key = _key_of(secret)

    def close(self, name: str, page: bytes, *, ends_at: datetime) -> bytes | None:
        """Return ``page`` as it is kept under ``name``; None before the secret is known, or when it is too long."""
        if self._key is None or len(page) > MAX_SEALED_BYTES - _HEAD_BYTES:
            return None
        instant = round(ends_at.timestamp() * 1000).to_bytes(_INSTANT_BYTES)
        return b"%b%b%b%b" % (_MARK, _digest(self._key, name, instant, page), instant, page)

    def open(self, name: str, sealed: bytes, *, now: datetime) -> bytes:
        """Return the page that was kept under ``name``.

        Raises:
            BrokenSealError: it is not ours, or past its time.
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
    # lengths are fixed or told, so that no part can pass for the end of another
    written = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=_PURPOSE)
    for part in (len(written).to_bytes(8), written, instant, page):
        digest.update(part)
    return digest.digest()
