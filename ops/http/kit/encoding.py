"""Values as the JSON that the outside sees: prices are numbers with exactly the digits of the message."""

from __future__ import annotations

from decimal import Decimal

import orjson
from pydantic import BaseModel

__all__ = ["encode"]


def encode(value: object) -> bytes:
    """Return ``value`` as JSON; a Decimal becomes the number it was written as, never by way of a float.

    A model has the names its document tells, and leaves out what was not set.

    >>> encode({"stop": Decimal("0.2550")})
    b'{"stop":0.2550}'
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    raise TypeError(f"no JSON for {type(value).__name__}")
