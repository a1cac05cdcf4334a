"""Addresses that may carry a secret: it is taken out where they enter, used, and never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["HttpAddress"]


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """An HTTP address without user and password, and these beside it, for the request alone."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url

    @classmethod
    def of(cls, text: str) -> Self:
        """Take an address apart.

        Raises:
            ValueError: it is none; the text quotes nothing of it.
        """
        try:
            parts = urlsplit(text)
            userinfo, at, host = parts.netloc.rpartition("@")
            valid = (
                parts.scheme in ("http", "https")
                and text.isprintable()
                and " " not in text
                and bool(parts.hostname)
                and (parts.port is None or parts.port > 0)
                # one in front of the last is part of a password that nobody wrote as %40
                and "@" not in parts.path + parts.query + parts.fragment
            )
        except ValueError:
            valid = False
        if not valid:
            raise ValueError("a URL such as http://127.0.0.1:4010 is wanted")
        user, _, password = userinfo.partition(":")
        login = (unquote(user), unquote(password)) if at else None
        return cls(urlunsplit(parts._replace(netloc=host)).rstrip("/"), login)
