"""The version of this package."""

from __future__ import annotations

from importlib import metadata

__all__ = ["VERSION"]


def _version() -> str:
    try:
        return metadata.version("tp-capital")
    except metadata.PackageNotFoundError:  # the package is not installed
        return "0+unknown"


VERSION = _version()
