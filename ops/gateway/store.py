"""Calls of the gateway's database from the event loop, in threads. It also keeps the schema up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from starlette.concurrency import run_in_threadpool

from ops.gateway.database import apply_schema, lacks_schema
from ops.gateway.repository import Repository
from storage.errors import RowsRefusedError, StorageError
from storage.postgres.database import Database

__all__ = ["Store"]

T = TypeVar("T")

SCHEMA_RETRY_S = 1.0

log = structlog.get_logger("gateway")


class Store:
    """Calls ``repository`` from the event loop. Every call has a deadline. The log tells when the database is lost."""

    def __init__(self, database: Database, *, outbox: bool = False) -> None:
        self.repository = Repository(database)
        self._database = database
        self._with_outbox = outbox
        #: whether the last call reached the database; None before the first call
        self._reachable: bool | None = None
        #: a thread for the probe alone, so that it does not wait behind other calls
        self._probing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="probe")
        self._schema_ready = asyncio.Event()
        self._schema_lost = asyncio.Event()

    async def ask(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a call of the repository in a thread.

        Raises:
            StorageError: the call failed.
        """
        return await self._noted(run_in_threadpool(call, *args, **kwargs))

    async def ping(self) -> None:
        """Check that the messages can be read.

        Raises:
            StorageError: they cannot be read.
        """
        loop = asyncio.get_running_loop()
        await self._noted(loop.run_in_executor(self._probing, self.repository.ping))

    async def keep_schema(self) -> None:
        """Apply the schema as soon as the database can be reached, and each time the schema was lost."""
        while True:
            self._schema_lost.clear()
            try:
                await self.ask(
                    apply_schema,
                    self._database,
                    again=self._schema_ready.is_set(),
                    outbox=self._with_outbox,
                )
            except StorageError:
                await asyncio.sleep(SCHEMA_RETRY_S)
                continue
            self._schema_ready.set()
            await self._schema_lost.wait()

    async def wait_for_schema(self, timeout_s: float) -> None:
        """Return when the schema is in place or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._schema_ready.wait()

    def close(self) -> None:
        """End the probe's thread."""
        self._probing.shutdown(wait=False)

    async def _noted(self, call: Awaitable[T]) -> T:
        """Return the result of a call. Record whether it found the database and its schema."""
        try:
            result = await call
        except RowsRefusedError:
            raise
        except StorageError as exc:
            if lacks_schema(exc):
                self._schema_lost.set()
            if self._reachable is not False:
                log.error("database.lost", error=type(exc).__name__, cause=str(exc))
            self._reachable = False
            raise
        if self._reachable is not True:
            log.info("database.reached")
        self._reachable = True
        return result
