"""Query parameters as models: validation and documentation come from the same declarations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, core_schema
from starlette.datastructures import QueryParams

from config.words import plain_words
from ops.http.kit.problems import BadRequestError
from ops.instants import read_iso

__all__ = [
    "MOST_VALUES",
    "Instant",
    "NoParameters",
    "Parameters",
    "Whole",
    "Word",
    "check_utf8",
    "errors_of",
    "lowered",
    "separated",
]

#: more values of one parameter than this are a mistake, and would make a query slow
MOST_VALUES = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: larger epoch numbers are milliseconds: as seconds they would be after the year 5000
_LARGEST_SECONDS = 100_000_000_000


def check_utf8(query: bytes) -> None:
    """Refuse a query string that is not UTF-8. Decoding it with replacements would change the client's words.

    Raises:
        BadRequestError: a name or a value is not UTF-8. The error lists every such parameter.
    """
    errors = []
    for pair in query.split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError:
            name = unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="replace")
            errors.append((name, "must be UTF-8"))
    if errors:
        raise BadRequestError(errors)


class Parameters(BaseModel):
    """A query string. Forms send empty values, so these count as not given, except for ``never_empty``."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=False, validate_by_alias=True)
    #: limits and cursors: an empty one means that the client lost the value, so it is an error
    never_empty: ClassVar[frozenset[str]] = frozenset()
    #: parameters that take several values: given more than once, or separated by commas
    several: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def read(cls, query: QueryParams) -> Self:
        """Return the parameters.

        Raises:
            BadRequestError: a parameter is unknown, given twice or invalid. The error lists every such parameter.
        """
        known = [field.alias or name for name, field in cls.model_fields.items()]
        errors: list[tuple[str, str]] = []
        given: dict[str, str] = {}
        for name, value in query.multi_items():
            if name not in known:
                errors.append((name, f"unknown parameter; known are {', '.join(known) or 'none'}"))
            elif "\0" in value:
                errors.append((name, "holds a NUL character"))
            elif name in cls.several:
                given[name] = f"{given[name]},{value}" if name in given else value
            elif name in given:
                errors.append((name, "given twice"))
            elif value or name in cls.never_empty:
                given[name] = value
        try:
            parameters = cls.model_validate(given)
        except ValidationError as error:
            # one message for all bad values of a list
            errors += dict.fromkeys((place.partition(".")[0], text) for place, text in errors_of(error))
        if errors:
            raise BadRequestError(errors)
        return parameters


class NoParameters(Parameters):
    """No parameters."""


def separated(value: object) -> object:
    """Return the values of a list that is separated by commas, without the empty ones and the blanks around them.

    >>> separated("PETR4,, VALE3")
    ['PETR4', 'VALE3']
    """
    if not isinstance(value, str):
        return value
    words = [word.strip() for word in value.split(",")]
    # too many are refused, however many of them are empty
    return [word for word in words if word] if len(words) <= MOST_VALUES else words


def errors_of(error: ValidationError) -> list[tuple[str, str]]:
    """Return the validation errors as pairs of a field and a plain message."""
    return [
        (_place(details), plain_words(details))
        for details in error.errors(include_url=False, include_input=False)
    ]


def _place(details: ErrorDetails) -> str:
    return ".".join(str(part) for part in details["loc"]) or "body"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from ``least`` to ``most``. In a query it is written in ASCII digits only.

    ``of_json`` marks a number in a JSON body, where a string is refused.
    """

    least: int
    most: int
    of_json: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return how it is read."""
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return how it is documented."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def _read(self, value: object) -> int:
        if not self.of_json and isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON Schema counts 1.0 as an integer
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise ValueError(f"must be a whole number from {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class _Instant:
    """ISO 8601, or epoch seconds or milliseconds. A date without a time is the whole day in the service's time zone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return how it is read."""
        return core_schema.no_info_plain_validator_function(_read_instant)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return how it is documented."""
        return {
            "description": "ISO 8601 (a time without an offset is UTC), or epoch seconds or milliseconds; "
            "a date alone is the whole day in TP_CAPITAL_TIMEZONE",
            "anyOf": [
                {"type": "string", "format": "date"},
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": 100_000_000, "maximum": 253_402_300_799_999},
            ],
        }


#: a date stays a date; the time zone of the service turns it into instants
Instant = Annotated[datetime | date, _Instant()]


def _read_instant(value: object) -> datetime | date:
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError  # noqa: TRY004, TRY301 - pydantic reports ValueError; every bad value gets one message
        if re.fullmatch(r"-?[0-9]{9,16}", value):
            number = int(value)
            in_ms = abs(number) > _LARGEST_SECONDS
            return _EPOCH + (timedelta(milliseconds=number) if in_ms else timedelta(seconds=number))
        # an unescaped plus sign arrives as a blank
        return read_iso(re.sub(r"(T[0-9:.]+) (?=[0-9]{2}:?[0-9]{2}$)", r"\1+", value))
    except (ValueError, OverflowError):
        raise ValueError("must be ISO 8601, epoch seconds or epoch milliseconds") from None


def lowered(value: object) -> object:
    """Return a text in lower case, and any other value as it is."""
    return value.lower() if isinstance(value, str) else value


Word = Annotated[str, Field(max_length=200)]
