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
        valid = misplaced = False
        try:
            parts = urlsplit(text)
            userinfo, at, host = parts.netloc.rpartition("@")
            misplaced = "@" in userinfo + parts.path + parts.query + parts.fragment
            valid = (
                parts.scheme in ("http", "https")
                and text.isprintable()
                and " " not in text
                and bool(parts.hostname)
                and (parts.port is None or parts.port > 0)
            )
        except ValueError:
            valid = False  # what was found misplaced before, such as an @ behind a / that stands for the port, stays so
        if misplaced:
            # taken as it stands, another part of the password could be the host
            raise ValueError(
                "it holds an @ too many; in a password, @ is written %40, / is %2F, ? is %3F and # is %23"
            )
        if not valid:
            raise ValueError("a URL such as http://host:port is wanted")
        user, _, password = userinfo.partition(":")
        login = (unquote(user), unquote(password)) if at else None
        return cls(urlunsplit(parts._replace(netloc=host)).rstrip("/"), login)
