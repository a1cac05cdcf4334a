"""A Bot API for tests, as https://core.telegram.org/bots/api describes getUpdates: one reader, repeats until the offset moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["TOKEN", "PlayedBotApi", "a_bot_post"]

TOKEN = "4242:" + "A" * 35
CHANNEL = -1001649127710


def a_bot_post(number: int, text: str, *, edit_date: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return an update with a post of a channel, or with its edit."""
    post: dict[str, Any] = {
        "message_id": number,
        "date": 1_790_000_000 + number,
        "chat": {"id": CHANNEL, "type": "channel", "title": "Sinais"},
        "text": text,
    }
    if edit_date is not None:
        post["edit_date"] = edit_date
    post = {key: value for key, value in (post | changes).items() if value is not ...}
    return {"channel_post" if edit_date is None else "edited_channel_post": post}


class PlayedBotApi:
    """Holds updates until a request names a later one. ``refusals`` are answers that the next requests get instead."""

    def __init__(self) -> None:
        self.url = ""
        self.refusals: list[tuple[int, dict[str, Any]]] = []
        self.asked: list[dict[str, Any]] = []
        self.webhook = False
        self._updates: list[dict[str, Any]] = []
        self._given = 0
        self._changed = threading.Condition()
        self._readers = 0
        self._closing = False

    @contextmanager
    def running(self) -> Iterator[PlayedBotApi]:
        """Serve on a free port."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = api.answer(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep the output of the tests clean."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            server.shutdown()
            thread.join()
            server.server_close()

    def tell(self, *updates: dict[str, Any]) -> None:
        """Have updates for the bot, each with the next number."""
        with self._changed:
            for update in updates:
                self._given += 1
                self._updates.append({"update_id": self._given, **update})
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many updates the bot has not confirmed."""
        with self._changed:
            return len(self._updates)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the answer of a request."""
        with self._changed:
            self.asked.append(body)
            if self.refusals:
                status, more = self.refusals.pop(0)
                return status, {"ok": False, "error_code": status, "description": "refused"} | more
            if path != f"/bot{TOKEN}/getUpdates":
                return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
            if self.webhook or self._readers:
                return 409, {
                    "ok": False,
                    "error_code": 409,
                    "description": "Conflict: other getUpdates request",
                }
            self._readers += 1
            try:
                self._updates = [one for one in self._updates if one["update_id"] >= body.get("offset", 0)]
                self._changed.wait_for(lambda: self._updates or self._closing, timeout=body["timeout"])
                return 200, {"ok": True, "result": self._updates[:100]}
            finally:
                self._readers -= 1
