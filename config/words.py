"""Turns pydantic's validation errors into plain words, the same for settings, commands and requests."""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails

__all__ = ["plain_words"]

_WANTED: Final = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "bool_parsing": "0 or 1",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "string_type": "a string",
    "list_type": "a list",
    "missing": "given",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_pattern_mismatch": "a word of the form {pattern}",
}


def plain_words(details: ErrorDetails) -> str:
    """Return what the value must be, or the message of our own rule. The value may be a secret and is not quoted."""
    wanted = _WANTED.get(details["type"])
    if wanted is None:
        return details["msg"].removeprefix("Value error, ")
    return f"must be {wanted}".format(**details.get("ctx", {}))
