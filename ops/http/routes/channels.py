"""``/channels``: the channels that are read and their state, and requests to add, label or remove one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from actors.channels import SETTINGS_SOURCE
from actors.names import CACHE, CHANNELS
from actors.shown.snapshots import CacheSnapshot, ChannelEntry, ChannelsSnapshot
from config.fields import CHANNEL_ID
from engine.directory import Directory
from engine.messages import ChannelsChanged, SignalsCommitted
from engine.model import Market
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, json_answer
from ops.http.kit.bodies import read_body
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.channel_models import (
    CHANNEL_ID_SCHEMA,
    Channel,
    ChannelKept,
    ChannelList,
    ChannelRemoved,
    ChannelRequest,
)
from ops.http.routes.channel_objects import channel_objects
from ops.http.server.clients import prefix_of
from storage.errors import StorageError
from storage.postgres.channels import COUNT_CAP, ChannelCounts, ChannelLimitError, Channels

__all__ = ["MOST_CHANNELS", "channel_of", "channel_operations"]

#: each channel takes two threads and two connections to the gateway
MOST_CHANNELS = 100
_SETTING = "TP_CAPITAL_SIGNALS_CHANNEL_ID (or SIGNALS_CHANNEL_ID)"
_TAG = "channels"
#: Actors publish a change a moment later. A write waits for that, so that the next read shows the change.
_SHOWN_WITHIN_S = 1.0
_LOOK_EVERY_S = 0.01
_IN_PATH = {"channel": {"description": "id of the channel", **CHANNEL_ID_SCHEMA}}


def channel_operations(
    snapshots: Snapshots,
    directory: Directory,
    channels: Channels,
    *,
    settings: tuple[str, ...],
    markets: Mapping[str, Market],
) -> Sequence[Operation]:
    """Return the operations.

    ``settings`` holds the channels from the settings, which are always read. ``markets`` maps channels to the
    markets from the settings.
    """
    routes = _ChannelRoutes(snapshots, directory, channels, settings, markets)
    return [
        Operation(
            method="GET",
            path="/channels",
            name="listChannels",
            summary="The channels that are read, and their state",
            tag=_TAG,
            handler=routes.listing,
            query=NoParameters,
            answers={200: Answer(description="All channels", body={JSON: ChannelList})},
            problems=(400, 503),
        ),
        Operation(
            method="POST",
            path="/channels",
            name="addChannel",
            summary="Add a channel, or change its label or market",
            tag=_TAG,
            handler=routes.add,
            query=NoParameters,
            body=ChannelRequest,
            answers={
                200: Answer(
                    description="It was already read; the label and market given are set",
                    body={JSON: Channel},
                ),
                201: Answer(
                    description="It is added; polling starts within seconds",
                    body={JSON: Channel},
                    headers={"Location": "the path of the channel"},
                    links=_FOLLOWING,
                ),
            },
            problems=(400, 401, 403, 408, 409, 413, 503),
        ),
        Operation(
            method="GET",
            path="/channels/{channel}",
            name="getChannel",
            summary="One channel",
            tag=_TAG,
            handler=routes.one,
            query=NoParameters,
            path_schemas=_IN_PATH,
            answers={200: Answer(description="The channel", body={JSON: Channel})},
            problems=(400, 404, 503),
        ),
        Operation(
            method="DELETE",
            path="/channels/{channel}",
            name="removeChannel",
            summary="Remove a channel; its stored signals and messages are kept",
            tag=_TAG,
            handler=routes.remove,
            query=NoParameters,
            path_schemas=_IN_PATH,
            answers={200: Answer(description="It is no longer read", body={JSON: ChannelRemoved})},
            problems=(400, 401, 403, 404, 409, 503),
        ),
    ]


_FOLLOWING = {
    name: {"operationId": name, "parameters": {"channel": "$response.body#/id"}}
    for name in ("getChannel", "removeChannel")
}


class _ChannelRoutes:
    """Answers the requests. It reads snapshots and the table of channels, and tells actors of changes."""

    def __init__(
        self,
        snapshots: Snapshots,
        directory: Directory,
        channels: Channels,
        settings: tuple[str, ...],
        markets: Mapping[str, Market],
    ) -> None:
        self._snapshots = snapshots
        self._directory = directory
        self._channels = channels
        self._settings = settings
        self._markets = markets

    # ── reading ──────────────────────────────────────────────────────────────

    async def listing(self, request: Request) -> Response:
        NoParameters.read(request.query_params)
        shown = self._shown()
        data, error = await self._objects(shown.channels, error=shown.error)
        return json_answer(
            ChannelList(data=data, complete=shown.complete, error=error, counts_end_at=COUNT_CAP)
        )

    async def one(self, request: Request) -> Response:
        NoParameters.read(request.query_params)
        wanted = channel_of(request)
        shown = self._shown()
        entries = tuple(entry for entry in shown.channels if entry.channel == wanted)
        if not entries and not shown.complete:
            # the channel may have been added at run time
            return problem(
                503, f"Not all channels are known yet: {shown.error}", headers={"Retry-After": "5"}
            )
        if not entries:
            return _unknown(wanted)
        (data,), _ = await self._objects(entries, error=shown.error)
        return json_answer(data)

    def _shown(self) -> ChannelsSnapshot:
        published = self._snapshots.read(CHANNELS, ChannelsSnapshot)
        if published is None:
            raise HTTPException(503, "The channels are not known yet.", headers={"Retry-After": "1"})
        return published.value

    def _commit_number(self) -> int:
        published = self._snapshots.read(CACHE, CacheSnapshot)
        return (published.value.commit_number or 0) if published else 0

    async def _objects(
        self, entries: tuple[ChannelEntry, ...], *, error: str | None = None
    ) -> tuple[list[Channel], str | None]:
        """Return the objects and an error. Without the database their counts are null, and the error says why.

        With a known ``error`` the database is not asked: that would cost time and give the same error.
        """
        counts: dict[str, ChannelCounts] = {}
        if error is None:
            try:
                counts = await run_in_threadpool(self._channels.counts, [entry.channel for entry in entries])
            except StorageError as failure:
                error = str(failure)
        return channel_objects(self._snapshots, entries, counts, now=datetime.now(UTC)), error

    # ── writing ──────────────────────────────────────────────────────────────

    async def add(self, request: Request) -> Response:
        NoParameters.read(request.query_params)
        addition = await read_body(request, ChannelRequest)
        try:
            added = await run_in_threadpool(
                self._channels.add,
                addition.id,
                label=addition.label,
                keep_label="label" not in addition.model_fields_set,
                market=None if addition.market is None else Market(addition.market),
                keep_market="market" not in addition.model_fields_set,
                most=MOST_CHANNELS,
            )
        except ChannelLimitError:
            return problem(409, f"{MOST_CHANNELS} channels are read already: remove one first.")
        except StorageError as error:
            return _not_now(error)
        self._directory.send(CHANNELS, ChannelsChanged())
        # cached pages of signals show the label, so a new generation must replace them
        self._directory.send(CACHE, SignalsCommitted(commit_number=added.commit_number, signals=0))
        row = added.row
        source = SETTINGS_SOURCE if row.channel in self._settings else row.source
        entry = ChannelEntry(
            channel=row.channel,
            label=row.label,
            source=source,
            added_at=row.added_at,
            market=row.market or self._markets.get(row.channel, Market.B3),
        )
        # Compare the whole entry with its time: a channel with the same id and label, removed a moment ago, may
        # still be shown. Pages show the label from its commit on.
        await self._until(
            lambda: entry in self._shown().channels and self._commit_number() >= added.commit_number
        )
        (data,), _ = await self._objects((entry,))
        headers = (
            {"Location": f"{prefix_of(request.scope)}{request.url.path.rstrip('/')}/{row.channel}"}
            if added.created
            else {}
        )
        return json_answer(data, status=201 if added.created else 200, headers=headers)

    async def remove(self, request: Request) -> Response:
        NoParameters.read(request.query_params)
        channel = channel_of(request)
        if channel in self._settings:
            return problem(
                409, f"Channel {channel} is set in {_SETTING}. Remove it there and restart the engine."
            )
        try:
            removed = await run_in_threadpool(self._channels.remove, channel)
        except StorageError as error:
            return _not_now(error)
        if removed is None:
            return _unknown(channel)
        self._directory.send(CHANNELS, ChannelsChanged())
        await self._until(lambda: channel not in (entry.channel for entry in self._shown().channels))
        kept = await self._kept(channel)
        return json_answer(
            ChannelRemoved(
                id=channel,
                label=removed.row.label,
                added_at=removed.row.added_at,
                removed_at=removed.removed_at,
                kept=kept,
                detail="This channel is no longer read. Polling ends after the current batch. Stored signals and "
                "messages are kept. If you add the channel again, reading continues where it stopped.",
            )
        )

    async def _until(self, is_shown: Callable[[], bool]) -> None:
        """Wait until reads show the change. The wait is short, because the change is already stored."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHOWN_WITHIN_S):
                while not is_shown():  # noqa: ASYNC110 - actors in other threads publish snapshots without an event
                    await asyncio.sleep(_LOOK_EVERY_S)

    async def _kept(self, channel: str) -> ChannelKept | None:
        """Return the counts of a removed channel's stored rows, or None if they cannot be counted now."""
        try:
            counts = (await run_in_threadpool(self._channels.counts, [channel]))[channel]
        except StorageError:
            return None
        return ChannelKept(signals=counts.signals, messages=counts.messages)


# ── small things ─────────────────────────────────────────────────────────────


def channel_of(request: Request) -> str:
    """Return the channel of the path.

    Raises:
        BadRequestError: it is no id of a channel.
    """
    channel = request.path_params["channel"]
    if not isinstance(channel, str) or not CHANNEL_ID.fullmatch(channel):
        raise BadRequestError([("id", "must be a channel's id such as -1001649127710")])
    return channel


def _unknown(channel: str) -> Response:
    return problem(404, f"Channel {channel} is not read here.")


def _not_now(error: StorageError) -> Response:
    return problem(
        503,
        f"The channels cannot be changed now: {error}. GET /channels shows the current state.",
        headers={"Retry-After": "5"},
    )
