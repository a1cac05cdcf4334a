"""Secrets in files: ``NAME_FILE`` names the file of a secret setting, or systemd provides it as a credential."""

from __future__ import annotations

import os
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

__all__ = ["FILE_SUFFIX", "SecretFileError", "SecretFiles", "is_secret", "secret_of"]

#: `TP_CAPITAL_API_KEY_FILE` names the file that holds `TP_CAPITAL_API_KEY`, as the images of PostgreSQL do it
FILE_SUFFIX = "_FILE"
#: the variable with the folder where systemd puts credentials (`LoadCredential=` and similar), one file each
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
#: larger than any key, password or list of keys; a file that is named by mistake may be endless
_LARGEST_BYTES = 64 * 1024


class SecretFileError(Exception):
    """Some secret files cannot be used. ``problems`` maps the first variable of a field to a line for a person."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files of a group's secret settings.

    The environment takes precedence over ``.env``, whether it holds the value or names a file. A credential is used
    when neither sets it. ``dotenv`` holds the values of ``.env``, with names in small letters.
    """

    def __init__(self, group: type[BaseSettings], dotenv: Mapping[str, str | None]) -> None:
        super().__init__(group)
        self._dotenv = dotenv

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's signature
        """Return nothing. :meth:`__call__` reads all fields, because each has several names."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets from files, by the variables that they replace.

        Raises:
            SecretFileError: It lists every problem of the files.
        """
        found: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for field, info in self.settings_cls.model_fields.items():
            names = _names(field, info)
            if not is_secret(info) or names[0] in self.current_state:
                continue
            for name in names:
                try:
                    text = text_of(name, (("the environment", os.environ), (".env", self._dotenv)))
                except ValueError as error:
                    problems[names[0]] = str(error)
                    continue
                if text is not None:
                    found[name] = text
        if problems:
            raise SecretFileError(problems)
        return found


def text_of(name: str, places: Sequence[tuple[str, Mapping[str, str | None]]]) -> str | None:
    """Return the text of the file for ``name``, or None when the value does not come from a file.

    ``places`` may set ``name`` or its file, and the first one wins. The names of ``.env`` are in small letters.

    Raises:
        ValueError: The file cannot be read, or value and file are both set. It never quotes the content.
    """
    for place, values in places:
        lower = place == ".env"
        value, path = (values.get(key.lower() if lower else key) for key in (name, name + FILE_SUFFIX))
        if value and path:
            raise ValueError(f"{name} and {name}{FILE_SUFFIX} are both set in {place}: leave one of them out")
        if value:
            return None
        if path:
            return _read(f"{name}{FILE_SUFFIX}", Path(path))
    folder = os.environ.get(_CREDENTIALS)
    if folder and (credential := Path(folder) / name).is_file():
        return _read(f"the credential {name}", credential)
    return None


def secret_of(name: str) -> str | None:
    """Return a secret from the environment, from its file or from its credential; None if there is none.

    Raises:
        ValueError: A file cannot be read, or the environment sets both.
    """
    text = text_of(name, (("the environment", os.environ),))
    return text if text is not None else os.environ.get(name) or None


def is_secret(info: FieldInfo) -> bool:
    """Return whether a setting is a secret."""
    annotation = info.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        kinds: Sequence[Any] = [kind for kind in get_args(annotation) if kind is not type(None)]
    else:
        kinds = [annotation]
    return any(getattr(kind, "__origin__", kind) is SecretStr for kind in kinds)


def _names(field: str, info: FieldInfo) -> tuple[str, ...]:
    alias = info.validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field,)


def _read(name: str, path: Path) -> str:
    """Return the text of a file without the line end that editors add.

    Raises:
        ValueError: The file cannot be read or is empty. It never quotes the content.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: {path} is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"{name}: {path} cannot be read: {error.strerror}") from None
    if len(raw) > _LARGEST_BYTES:
        raise ValueError(f"{name}: {path} is larger than {_LARGEST_BYTES} bytes, too large for a secret")
    if not text.strip():
        raise ValueError(f"{name}: {path} is empty")
    return text
