"""Exit codes of the command line (CONTRACT)."""

from __future__ import annotations

__all__ = ["EXIT_DEGRADED", "EXIT_FAILED", "EXIT_OK", "EXIT_UNHEALTHY", "EXIT_USAGE"]

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
#: used by ``status`` only
EXIT_DEGRADED = 1
EXIT_UNHEALTHY = 2
