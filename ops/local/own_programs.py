"""The engine and the reference gateway as parts of a demo or a stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local.keys import GATEWAY_KEY_FILE, kept_key, own_api_key, with_settings
from ops.local.ports import HOST
from ops.local.process import OwnedProcess

__all__ = [
    "ENGINE_DATABASE",
    "GATEWAY_DATABASE",
    "engine_settings",
    "gateway_process",
    "gateway_settings",
    "own_program",
]

ENGINE_DATABASE = "tp_capital_db"
GATEWAY_DATABASE = "telegram_gateway"
_GATEWAY_KEY = "TELEGRAM_GATEWAY_API_KEY"


def own_program(
    name: str, arguments: Sequence[str], *, folder: Path, settings: Mapping[str, str]
) -> OwnedProcess:
    """Return one of our programs. Its secrets are in the environment, because arguments are public."""
    return OwnedProcess(
        name,
        [sys.executable, "-m", "ops.cli", *arguments],
        log_path=folder / f"{name}.log",
        env=with_settings(settings),
    )


def gateway_process(
    folder: Path, *, port: int, database_url: str, broker_url: str | None = None
) -> OwnedProcess:
    """Return the reference gateway. It requires the folder's key. It publishes to the broker, if one is given."""
    settings = {
        "TELEGRAM_GATEWAY_DATABASE_URL": database_url,
        _GATEWAY_KEY: kept_key(folder, GATEWAY_KEY_FILE),
        **({"AMQP_URL": broker_url} if broker_url else {}),
    }
    return own_program("gateway", ["gateway", "--port", str(port)], folder=folder, settings=settings)


def gateway_settings(folder: Path, *, port: int) -> dict[str, str]:
    """Return the settings that an engine needs for the folder's gateway."""
    return {
        "TELEGRAM_GATEWAY_URL": f"http://{HOST}:{port}",
        _GATEWAY_KEY: kept_key(folder, GATEWAY_KEY_FILE),
    }


def engine_settings(folder: Path, *, port: int, strategy: str) -> dict[str, str]:
    """Return the settings of the folder's engine, without its database and gateway."""
    return {
        "TP_CAPITAL_DB_STRATEGY": strategy,
        **own_api_key(folder),
        "HOST": HOST,
        "PORT": str(port),
    }
