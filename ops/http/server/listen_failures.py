"""Explains why the service cannot listen on an address, and which setting to change."""

from __future__ import annotations

import errno
import os

__all__ = ["explain_listening"]

_OTHER_HOST = "set HOST to an address of this machine, such as 127.0.0.1"
_WHENCE = " (the environment sets it: conda and some shells put a name of their own there)"


def explain_listening(error: OSError) -> tuple[str, str]:
    """Return the cause of a failure to listen, and its remedy."""
    number = error.errno or 0
    if number < 0:
        # resolver errors have negative numbers, and os.strerror does not know them
        return "this name has no address", _OTHER_HOST + (_WHENCE if "HOST" in os.environ else "")
    cause = os.strerror(number)
    match number:
        case errno.EADDRINUSE:
            return cause, "choose another port"
        case errno.EACCES:
            return cause, "ports below 1024 are for root: choose a higher one"
        case errno.EADDRNOTAVAIL:
            return cause, _OTHER_HOST
        case _:
            return cause, "set HOST and PORT"
