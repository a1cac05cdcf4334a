"""Which version this is."""

from __future__ import annotations

from importlib import metadata

__all__ = ["VERSION"]


def _version() -> str:
    try:
        return metadata.version("tp-capital")
    except metadata.PackageNotFoundError:  # run from a bare checkout
        return "0+unknown"


VERSION = _version()
