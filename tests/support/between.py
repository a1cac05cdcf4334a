"""A gateway that stands before the reference one: it can act between a request and its answer, and forget words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests

from tests.support.httpstub import Answer, HttpStub, Request
from tests.support.stack import GatewayProcess

__all__ = ["Between", "Hook", "edit_raw", "edit_to"]

Hook = Callable[[], Answer | None]

#: what an answer of the gateway does to the engine when it is lost
LOST = Answer(hang_up=True)


class Between(HttpStub):
    """Forwards each request. ``plain`` imitates the real gateway: it marks by message id alone and compares nothing.

    ``before`` and ``after`` are hooks by the last word of a path, each called once: before the request is
    forwarded, and after the gateway has done it, unless it found nothing. An answer that a hook returns goes to the engine instead.
    """

    def __init__(self, gateway: GatewayProcess, *, plain: bool) -> None:
        super().__init__()
        self.before: dict[str, Hook] = {}
        self.after: dict[str, Hook] = {}
        #: answers by the last word of a path for as long as they stand here
        self.failing: dict[str, Answer] = {}
        #: seconds that an answer is kept back after the gateway has given it, by the last word of a path
        self.late_s: dict[str, float] = {}
        self._target = gateway.url
        self._plain = plain
        self.answer_by(self._forward)

    def _forward(self, request: Request) -> Answer:
        word = urlsplit(request.path).path.rsplit("/", 1)[-1]
        if word in self.failing:
            return self.failing[word]
        if (hook := self.before.pop(word, None)) is not None and (answer := hook()) is not None:
            return answer
        body = request.body
        if self._plain and word == "mark-processed":
            asked = json.loads(body)
            body = json.dumps({key: asked[key] for key in ("messageIds", "processedBy")}).encode()
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(
                request.method,
                self._target + request.path,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=20,
            )
        if word in self.late_s:
            time.sleep(self.late_s[word])
        hook = None if _is_empty(response.content) else self.after.pop(word, None)
        if hook is not None and (answer := hook()) is not None:
            return answer
        return Answer(
            status=response.status_code, headers={"Content-Type": "application/json"}, body=response.content
        )


def _is_empty(body: bytes) -> bool:
    """Return whether an answer is a list of no messages: nothing hangs on that one."""
    return bool(json.loads(body).get("data") == [])


def edit_raw(gateway: GatewayProcess, message: dict[str, Any]) -> None:
    """Change a text as a gateway does that follows Telegram's edits: nothing but the text and ``updatedAt`` moves."""
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        connection.execute(
            "update telegram_gateway.messages set text = %s, updated_at = clock_timestamp() + interval '2 ms'"
            " where channel_id = %s and message_id = %s",
            (message["text"], message["channelId"], message["messageId"]),
        )


def edit_to(gateway: GatewayProcess, message: dict[str, Any]) -> None:
    """Change a text as a person does, by the gateway's API: the message is to be read again."""
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        (row,) = connection.execute(
            "select id from telegram_gateway.messages where channel_id = %s and message_id = %s",
            (message["channelId"], message["messageId"]),
        ).fetchone() or (0,)
    answer = requests.post(
        f"{gateway.url}/api/messages/{row}/reprocess", json={"text": message["text"]}, timeout=10
    )
    assert answer.ok, answer.text
