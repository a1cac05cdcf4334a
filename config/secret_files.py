"""Secrets out of files: ``NAME_FILE`` names one for every secret setting, systemd's credentials are the others."""

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
#: where systemd puts what `LoadCredential=` and its kin name, one file each
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
#: more than any key, password or list of keys; a file named by mistake may have no end
_LARGEST_BYTES = 64 * 1024


class SecretFileError(Exception):
    """Files that cannot be used. ``problems`` has, for each field by its first variable, a line for a person."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files of a group's secret settings.

    The environment beats ``.env``, whether it gives the value or names a file; a credential counts where
    neither does. ``dotenv`` holds what ``.env`` says, its names in small letters.
    """

    def __init__(self, group: type[BaseSettings], dotenv: Mapping[str, str | None]) -> None:
        super().__init__(group)
        self._dotenv = dotenv

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - as its base wants it
        """Return nothing: a field is read under several names, all at once by :meth:`__call__`."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that files hold, by the variables they stand for.

        Raises:
            SecretFileError: with everything that is wrong about the files.
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
    """Return what the file for ``name`` holds; None when the value is not to come from a file.

    ``places`` are where ``name`` or its file may be set, the first wins; in ``.env`` names are in small letters.

    Raises:
        ValueError: it cannot be read, or both are set; never says what it holds.
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
    """Return a secret of the environment: its value, or what its file or its credential holds; None without any.

    Raises:
        ValueError: a file cannot be read, or the environment has both.
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
    """Return a file's text without the line's end that editors add.

    Raises:
        ValueError: it cannot be read or holds nothing; never says what it holds.
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
        raise ValueError(f"{name}: {path} is larger than {_LARGEST_BYTES} bytes, which no secret is")
    if not text.strip():
        raise ValueError(f"{name}: {path} is empty")
    return text
