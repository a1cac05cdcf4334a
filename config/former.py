"""Variable names of older deployments that are still read. Each use of one is reported."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["FORMER"]

FORMER: Final = MappingProxyType(
    {
        "TP_CAPITAL_GATEWAY_POLLING_INTERVAL_MS": "GATEWAY_POLLING_INTERVAL_MS",
        "TP_CAPITAL_GATEWAY_BATCH_SIZE": "GATEWAY_BATCH_SIZE",
        "GATEWAY_FILTER_TEXT_NOT_CONTAINS": "TP_CAPITAL_TEXT_FILTER",
        "RATE_LIMIT_MAX": "RATE_LIMIT_MAX_REQUESTS",
        "API_SECRET_TOKEN": "TP_CAPITAL_API_KEY",
    }
)
