"""``/dead-letters``: a list of dead letters, and a request to try one again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.names import DEAD_LETTERS
from engine.directory import Directory
from engine.messages import LettersDue
from ops.http.kit.answers import JSON, ConditionalResponses, json_answer
from ops.http.kit.encoding import encode
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import NoParameters, Parameters, Whole, lowered
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.models import DeadLetterItem, DeadLetterPage, Retry
from storage.errors import StorageError
from storage.postgres.dead_letters import DeadLetters

__all__ = ["DeadLettersParameters", "dead_letter_operations"]

_TAG = "dead letters"


class DeadLettersParameters(Parameters):
    """Selects dead letters, their number, and whether to include the messages."""

    never_empty = frozenset({"limit", "cursor"})

    limit: Annotated[int, Whole(1, 1000)] = Field(default=100, description="maximum number of dead letters")
    cursor: Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")] | None = Field(
        default=None, description="`nextCursor` of the previous page"
    )
    raw: Annotated[Literal["true", "false"], BeforeValidator(lowered)] = Field(
        default="false", description="whether to include the whole messages"
    )


def dead_letter_operations(
    letters: DeadLetters, directory: Directory, responses: ConditionalResponses
) -> Sequence[Operation]:
    """Return the operations."""

    def page(request: Request) -> Response:
        asked = DeadLettersParameters.read(request.query_params)
        try:
            found, more = letters.page(after=int(asked.cursor or 0), limit=asked.limit)
        except StorageError as error:
            return _unavailable(error)
        with_raw = asked.raw == "true"
        items = [
            DeadLetterItem(
                id=letter.id,
                channel=letter.channel,
                message_id=letter.message_id,
                reason=letter.reason,
                error=letter.error,
                attempts=letter.attempts,
                first_at=letter.first_at,
                last_at=letter.last_at,
                next_attempt_at=letter.next_attempt_at,
                **({"raw": letter.raw} if with_raw else {}),
            )
            for letter in found
        ]
        body = DeadLetterPage(data=items, next_cursor=str(found[-1].id) if more else None)
        return responses.answer(request.headers, encode(body))

    async def listing(request: Request) -> Response:
        return await run_in_threadpool(page, request)

    async def retry(request: Request) -> Response:
        NoParameters.read(request.query_params)
        text = request.path_params["id"]
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise BadRequestError([("id", "must be a whole number")])
        try:
            due = await run_in_threadpool(letters.make_due, int(text))
        except StorageError as error:
            return _unavailable(error)
        if not due:
            return problem(404, f"There is no dead letter {text}, or it was already resolved.")
        directory.send(DEAD_LETTERS, LettersDue())
        return json_answer(Retry(id=int(text), queued=True), 202)

    return [
        Operation(
            method="GET",
            path="/dead-letters",
            name="listDeadLetters",
            summary="Messages that could not be read or stored, oldest first",
            tag=_TAG,
            handler=listing,
            query=DeadLettersParameters,
            answers={
                200: Answer(
                    description="A page of dead letters",
                    body={JSON: DeadLetterPage},
                    links={
                        "retry": {
                            "operationId": "retryDeadLetter",
                            "parameters": {"id": "$response.body#/data/0/id"},
                        }
                    },
                )
            },
            problems=(400, 503),
        ),
        Operation(
            method="POST",
            path="/dead-letters/{id}/retry",
            name="retryDeadLetter",
            summary="Try a dead letter again now",
            tag=_TAG,
            handler=retry,
            query=NoParameters,
            answers={202: Answer(description="It is tried within seconds", body={JSON: Retry})},
            problems=(400, 401, 403, 404, 503),
        ),
    ]


def _unavailable(error: StorageError) -> Response:
    return problem(503, f"Dead letters cannot be read now: {error}", headers={"Retry-After": "5"})
