"""Values as public JSON. Prices are numbers with exactly the digits of the message."""

from __future__ import annotations

from decimal import Decimal

import orjson
from pydantic import BaseModel

__all__ = ["encode"]


def encode(value: object) -> bytes:
    """Return ``value`` as JSON. A Decimal keeps its digits; it is never converted to a float.

    A model is encoded under its public field names; fields that were not set are left out.

    >>> encode({"stop": Decimal("0.2550")})
    b'{"stop":0.2550}'
    >>> encode([Decimal("1E+2"), Decimal("0E-8"), Decimal("0.00000001")])
    b'[100,0.00000000,0.00000001]'
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        text = str(value)  # much faster than format, but it may give an exponent
        return orjson.Fragment(format(value, "f") if "E" in text else text)
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    raise TypeError(f"no JSON for {type(value).__name__}")
