"""``/channels``: which channels are read and how each of them is; adding, labelling and removing one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from actors.channels import CHANNELS, SETTINGS_SOURCE
from actors.snapshots import ChannelEntry, ChannelsSnapshot
from config.fields import CHANNEL_ID
from engine.directory import Directory
from engine.messages import ChannelsChanged, SignalsCommitted
from engine.snapshot import Board
from ops.http.channel_objects import channel_objects
from ops.http.encoding import encode
from ops.http.problems import BadRequestError, problem
from storage.channels import COUNT_CAP, ChannelCounts, ChannelLimitError, Channels
from storage.errors import StorageError

__all__ = ["MOST_CHANNELS", "ChannelParts", "channel_routes", "read_addition"]

#: each channel takes two threads and two connections to the gateway
MOST_CHANNELS = 100
_LONGEST_LABEL = 80
_MAX_BODY_BYTES = 16 * 1024
#: joins the parts of one emoji; no other invisible character may stand in a label
_JOINER = "\N{ZERO WIDTH JOINER}"
_SETTING = "TP_CAPITAL_SIGNALS_CHANNEL_ID (or SIGNALS_CHANNEL_ID)"

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParts:
    """What these endpoints read, write and tell. ``settings``: the channels that are always read."""

    board: Board
    directory: Directory
    channels: Channels
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """The body of ``POST /channels``; without ``label_given`` a label that stands is kept."""

    channel: str
    label: str | None
    label_given: bool


def channel_routes(parts: ChannelParts, prefix: str) -> list[Route]:
    """Return the routes under ``prefix``."""
    # a path is one route, whatever is done to it: the answer to any other method names all of them
    return [
        Route(f"{prefix}/channels", _by_method(GET=_list(parts), POST=_add(parts)), methods=["GET", "POST"]),
        Route(
            f"{prefix}/channels/{{channel}}",
            _by_method(GET=_one(parts), DELETE=_remove(parts)),
            methods=["GET", "DELETE"],
        ),
    ]


def _by_method(**endpoints: Endpoint) -> Endpoint:
    async def choose(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return choose


# ── reading ──────────────────────────────────────────────────────────────────


def _list(parts: ChannelParts) -> Endpoint:
    async def channels(request: Request) -> Response:
        _no_parameters(request)
        shown = _shown(parts)
        data, error = await _objects(parts, shown.channels, error=shown.error)
        return _json(
            {
                "data": data,
                "complete": shown.complete,
                "error": error,
                "countsEndAt": COUNT_CAP,
            }
        )

    return channels


def _one(parts: ChannelParts) -> Endpoint:
    async def channel(request: Request) -> Response:
        _no_parameters(request)
        wanted = _channel_of(request)
        shown = _shown(parts)
        entries = tuple(entry for entry in shown.channels if entry.channel == wanted)
        if not entries and not shown.complete:
            # it may be one that was added at run time
            return problem(
                503, f"Not all channels are known yet: {shown.error}", headers={"Retry-After": "5"}
            )
        if not entries:
            return _unknown(wanted)
        (data,), _ = await _objects(parts, entries, error=shown.error)
        return _json(data)

    return channel


def _shown(parts: ChannelParts) -> ChannelsSnapshot:
    published = parts.board.read(CHANNELS, ChannelsSnapshot)
    if published is None:
        raise HTTPException(503, "The channels are not known yet.", headers={"Retry-After": "1"})
    return published.value


async def _objects(
    parts: ChannelParts, entries: tuple[ChannelEntry, ...], *, error: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the objects; without the database their counts are null, and the error says why.

    While an ``error`` stands the database is not asked: that would take its time to say the same.
    """
    counts: dict[str, ChannelCounts] = {}
    if error is None:
        try:
            counts = await run_in_threadpool(parts.channels.counts, [entry.channel for entry in entries])
        except StorageError as failure:
            error = str(failure)
    return channel_objects(parts.board, entries, counts, now=datetime.now(UTC)), error


# ── writing ──────────────────────────────────────────────────────────────────


def _add(parts: ChannelParts) -> Endpoint:
    async def add(request: Request) -> Response:
        _no_parameters(request)
        addition = read_addition(await _body(request))
        try:
            added = await run_in_threadpool(
                parts.channels.add,
                addition.channel,
                label=addition.label,
                keep_label=not addition.label_given,
                most=MOST_CHANNELS,
            )
        except ChannelLimitError:
            return problem(409, f"{MOST_CHANNELS} channels are read already: remove one first.")
        except StorageError as error:
            return _not_now(error)
        parts.directory.send(CHANNELS, ChannelsChanged())
        # the label stands in pages of signals: those of earlier generations are old now
        parts.directory.send("cache", SignalsCommitted(commit_number=added.commit_number, signals=0))
        row = added.row
        source = SETTINGS_SOURCE if row.channel in parts.settings else row.source
        entry = ChannelEntry(channel=row.channel, label=row.label, source=source, added_at=row.added_at)
        (data,), _ = await _objects(parts, (entry,))
        headers = {"Location": f"{request.url.path.rstrip('/')}/{row.channel}"} if added.created else {}
        return _json(data, status=201 if added.created else 200, headers=headers)

    return add


def _remove(parts: ChannelParts) -> Endpoint:
    async def remove(request: Request) -> Response:
        _no_parameters(request)
        channel = _channel_of(request)
        if channel in parts.settings:
            return problem(
                409, f"Channel {channel} stands in {_SETTING}: take it out there and start the engine again."
            )
        try:
            removed = await run_in_threadpool(parts.channels.remove, channel)
        except StorageError as error:
            return _not_now(error)
        if removed is None:
            return _unknown(channel)
        parts.directory.send(CHANNELS, ChannelsChanged())
        kept = await _kept(parts, channel)
        return _json(
            {
                "id": channel,
                "label": removed.row.label,
                "addedAt": removed.row.added_at,
                "removedAt": removed.removed_at,
                "kept": kept,
                "detail": "This channel is read no more: its polling ends with the batch that is under way. "
                "What is stored of it stays; added again, it goes on where it was.",
            }
        )

    return remove


async def _kept(parts: ChannelParts, channel: str) -> dict[str, int] | None:
    """Return what stays stored of a removed channel; None when that cannot be counted now."""
    try:
        counts = (await run_in_threadpool(parts.channels.counts, [channel]))[channel]
    except StorageError:
        return None
    return {"signals": counts.signals, "messages": counts.messages}


def read_addition(body: bytes) -> Addition:
    """Read ``{"id": ..., "label": ...}``.

    Raises:
        BadRequestError: with everything that is wrong about it.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequestError([("body", 'JSON such as {"id": "-1001649127710"} is wanted')]) from None
    if not isinstance(value, dict):
        raise BadRequestError([("body", 'an object such as {"id": "-1001649127710"} is wanted')])
    errors = [(name, "unknown; known are id, label") for name in value if name not in ("id", "label")]
    given = value.get("id")
    channel = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(channel, str) or not CHANNEL_ID.fullmatch(channel):
        errors.append(("id", "a channel's id such as -1001649127710 is wanted"))
    label = value.get("label")
    if isinstance(label, str):
        label = label.strip()
        if not 1 <= len(label) <= _LONGEST_LABEL:
            errors.append(("label", f"1 to {_LONGEST_LABEL} characters are wanted, or null for none"))
        elif not label.replace(_JOINER, "").isprintable():
            errors.append(("label", "printable characters on one line are wanted"))
    elif label is not None:
        errors.append(("label", "a text or null is wanted"))
    if errors:
        raise BadRequestError(errors)
    return Addition(channel=str(channel), label=label, label_given="label" in value)


# ── small things ─────────────────────────────────────────────────────────────


def _channel_of(request: Request) -> str:
    channel = request.path_params["channel"]
    if not isinstance(channel, str) or not CHANNEL_ID.fullmatch(channel):
        raise BadRequestError([("id", "a channel's id such as -1001649127710 is wanted")])
    return channel


def _no_parameters(request: Request) -> None:
    if errors := [(name, "unknown parameter; none is known here") for name in request.query_params]:
        raise BadRequestError(errors)


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _MAX_BODY_BYTES:
            raise HTTPException(413, f"A body has at most {_MAX_BODY_BYTES} bytes.")
    return bytes(received)


def _unknown(channel: str) -> Response:
    return problem(404, f"Channel {channel} is not among those that are read.")


def _not_now(error: StorageError) -> Response:
    return problem(
        503,
        f"The channels cannot be changed now: {error}. GET /channels tells what stands.",
        headers={"Retry-After": "5"},
    )


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(value), status_code=status, media_type="application/json", headers=headers)
