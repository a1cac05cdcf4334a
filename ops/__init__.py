"""The programs that a person runs: command line, HTTP application, daemon, local servers, reference gateway."""

import sys

if "rich" not in sys.modules:
    # structlog imports rich, if it can, for a form of tracebacks that is never used here. That takes the daemon 3 MB.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog as structlog

    del sys.modules["rich"]
