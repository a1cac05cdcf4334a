"""The dashboard: its page and its files, read once from the package."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ops.http.kit.answers import JSON, ConditionalResponses, best_of
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.problems import BadRequestError
from ops.http.routes.signal_models import SignalDetail

__all__ = ["ASSETS", "Dashboard", "permalink", "wants_page"]

#: the path of the page's files
ASSETS = "/assets/"
_HTML = "text/html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_PAGE = "index.html"
#: pages of their own, with what each is called
_OTHERS = {"alerts.html": "Alerts", "record.html": "Record"}
_WORKER = "sw.js"


class Dashboard:
    """Serves the page and its files. Browsers revalidate each file, so an update never mixes old and new files."""

    def __init__(self, responses: ConditionalResponses) -> None:
        self._responses = responses
        self._kept: dict[str, tuple[bytes, str]] = {}
        for entry in files("ops.http").joinpath("dashboard").iterdir():
            if (media_type := _TYPES.get(entry.name[entry.name.rfind(".") :])) is not None:
                self._kept[entry.name] = entry.read_bytes(), media_type

    def page(self, request: Request) -> Response:
        """Answer with the page."""
        return self._answer(request, _PAGE, vary="Accept, Accept-Encoding")

    def others(self) -> list[Operation]:
        """Return the operations that serve the pages of their own."""
        return [self._other(name, called) for name, called in _OTHERS.items()]

    def _other(self, name: str, called: str) -> Operation:
        async def page(request: Request) -> Response:
            return self._answer(request, name)

        return Operation(
            method="GET",
            path=f"/{name}",
            name=f"get{called}Page",
            summary=f"The page of {name.removesuffix('.html')}",
            tag="documentation",
            handler=page,
            answers={200: Answer(description="The page", body={_HTML: {"type": "string"}})},
        )

    def assets(self) -> Operation:
        """Return the operation that serves the page's files."""

        async def asset(request: Request) -> Response:
            name = request.path_params["name"]
            if name in (_PAGE, *_OTHERS) or name not in self._kept:
                raise HTTPException(404, "There is no such file of the dashboard.")
            return self._answer(request, name)

        return Operation(
            method="GET",
            path=f"{ASSETS}{{name}}",
            name="getAsset",
            summary="A file of the dashboard",
            tag="documentation",
            handler=asset,
            path_schemas={"name": {"description": "name of the file", "type": "string"}},
            answers={200: Answer(description="The file", body={"text/javascript": {"type": "string"}})},
            problems=(404,),
        )

    def worker(self) -> Operation:
        """Return the operation that serves the service worker. A browser lets it work below its own address only."""
        script, media_type = self._kept.pop(_WORKER)
        digest = hashlib.blake2b(digest_size=12)
        for name in sorted(self._kept):
            digest.update(self._kept[name][0])
        names = json.dumps(sorted(self._kept.keys() - {_PAGE, *_OTHERS}))
        # any changed file makes it another script, and so the browser keeps all files anew
        body = f'const VERSION = "{digest.hexdigest()}";\nconst FILES = {names};\n'.encode() + script

        async def worker(request: Request) -> Response:
            return self._responses.answer(request.headers, body, media_type=media_type)

        return Operation(
            method="GET",
            path=f"/{_WORKER}",
            name="getWorker",
            summary="The script that opens the dashboard without the network",
            tag="documentation",
            handler=worker,
            answers={200: Answer(description="The script", body={"text/javascript": {"type": "string"}})},
        )

    def _answer(self, request: Request, name: str, *, vary: str = "Accept-Encoding") -> Response:
        body, media_type = self._kept[name]
        return self._responses.answer(request.headers, body, media_type=media_type, vary=vary)


def permalink() -> Operation:
    """Return the operation of a signal's short address: the page with its row open, or its JSON for a program."""

    async def permalinked(request: Request) -> Response:
        text = request.path_params["id"]
        page = wants_page(request.headers.get("accept", ""))
        if not page and not re.fullmatch(r"[0-9]{1,18}", text):
            raise BadRequestError([("id", "must be a whole number")])
        # relative, so that it stays below a proxy's path; the page knows what to say of a link that was cut or mistyped
        target = f"../?signal={quote(text, safe='')}" if page else f"../signals/{text}"
        return RedirectResponse(target, 307, {"Vary": "Accept"})

    return Operation(
        method="GET",
        path="/s/{id}",
        name="permalink",
        summary="The short address of a signal: leads a browser to the dashboard, a program to `/signals/{id}`",
        tag="signals",
        handler=permalinked,
        answers={
            200: Answer(description="The signal, after the redirect", body={JSON: SignalDetail}),
            307: Answer(description="Where the signal is", headers={"Location": "the relative address"}),
        },
        problems=(400, 404, 503),
    )


def wants_page(accept: str) -> bool:
    """Return whether a client wants a page. Browsers name text/html; programs send ``*/*`` or JSON.

    >>> wants_page("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), wants_page("*/*"), wants_page("")
    (True, False, False)
    """
    return best_of(accept, JSON, _HTML) == _HTML
