"""A server configured as the engine's, with nothing behind it: it answers every request with so many bytes.

``python -m tests.bench.bare PORT``; ``GET /BYTES`` is answered.
"""

from __future__ import annotations

import sys

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from actors.responder import server_config
from actors.shown.metrics import Metrics
from ops.http.server.listening import Listening
from ops.http.server.protocol import bounded_protocol
from ops.http.server.seats import ConnectionLimits

__all__ = ["main"]


async def answer(scope: Scope, _: Receive, send: Send) -> None:
    """Answer one request."""
    body = b"x" * int(scope["path"][1:])
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main(port: int) -> None:
    """Serve until a signal."""
    limits = ConnectionLimits.of_this_process()
    protocol = bounded_protocol(limits, Metrics(CollectorRegistry()))
    listening = Listening("127.0.0.1", port)
    uvicorn.Server(server_config(answer, protocol)).run(sockets=listening.duplicates())


if __name__ == "__main__":
    main(int(sys.argv[1]))
