"""The types of setting values, and the sources that settings are read from."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.addresses import HttpAddress
from config.env_file import EnvFileSource
from config.former import FORMER
from config.secret_files import SecretFiles

__all__ = [
    "CHANNEL_ID",
    "LOOPBACK_HOSTS",
    "ApiKey",
    "GatewayAddress",
    "Group",
    "Names",
    "Port",
    "env_names",
    "upper",
]

#: a channel's id. The real gateway answers 500 to anything else (fault 28). Each number has only one form:
#: -1001 and -01001 would be two channels here and one at the gateway, and each signal would be stored twice
CHANNEL_ID = re.compile(r"-?[1-9][0-9]{0,17}")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def _split(value: object) -> object:
    """Read a comma-separated list. Blanks around commas and empty entries are ignored."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _http_address(value: object) -> object:
    return HttpAddress.of(value) if isinstance(value, str) else value


def _api_key(value: SecretStr) -> SecretStr:
    """Refuse a key that cannot be sent in an HTTP header. The error does not quote it."""
    if not all("!" <= character <= "~" for character in value.get_secret_value()):
        raise ValueError("must be printable ASCII characters without blanks")
    return value


def upper(value: object) -> object:
    """Return a word in upper case."""
    return value.upper() if isinstance(value, str) else value


Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
GatewayAddress = Annotated[HttpAddress, NoDecode, BeforeValidator(_http_address)]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]


def env_names(*names: str) -> AliasChoices:
    """Return the variables of a setting. The first one that is set wins; former names come last."""
    return AliasChoices(*names, *(former for former, name in FORMER.items() if name in names))


class Group(BaseSettings):
    """One group of settings: frozen, read from environment and ``.env``."""

    # An empty variable counts as unset, as in compose files with `${NAME:-}`. populate_by_name is off: with it
    # the field names would be variables too, and USER or HOST have another meaning.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's secrets folder is not used
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read secrets from files too. An earlier source wins."""
        given = dotenv_settings.env_file if isinstance(dotenv_settings, DotEnvSettingsSource) else None
        dotenv_settings = EnvFileSource(settings_cls, env_file=given)
        files = SecretFiles(settings_cls, dotenv_settings.env_vars)
        return init_settings, files, env_settings, dotenv_settings
