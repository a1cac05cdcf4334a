"""Tests that need TimescaleDB: no package of Debian or PyPI has it, so a server is named by whoever has one."""

import os
from typing import Final

import pytest

__all__ = ["ON_TIMESCALE", "TIMESCALE_URL"]

#: names a superuser's URL of a server that has TimescaleDB
TIMESCALE_URL: Final = "TP_CAPITAL_TEST_TIMESCALE_URL"
#: the marks of a module whose tests all run there
ON_TIMESCALE: Final = [
    pytest.mark.timescale,
    pytest.mark.skipif(TIMESCALE_URL not in os.environ, reason=f"{TIMESCALE_URL} names no server"),
    pytest.mark.parametrize("way", ["timescale"], indirect=True),
]
