"""Addresses that may contain a login. It is separated from the address at once, and never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["HttpAddress"]


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """An HTTP address without its login, and the login separately, which only requests use."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url

    @classmethod
    def of(cls, text: str) -> Self:
        """Separate the login from an address.

        Raises:
            ValueError: The text is no address. The error quotes no part of it.
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
            valid = (
                False  # parts.port raises for a password with an unescaped /; misplaced is already known then
            )
        if misplaced:
            # If it were accepted, a part of the password could be taken for the host.
            raise ValueError(
                "it has an @ in the wrong place; in a password, @ is written %40, / is %2F, ? is %3F and # is %23"
            )
        if not valid:
            raise ValueError("the address must be a URL such as http://host:port")
        user, _, password = userinfo.partition(":")
        login = (unquote(user), unquote(password)) if at else None
        return cls(urlunsplit(parts._replace(netloc=host)).rstrip("/"), login)
