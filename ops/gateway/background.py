"""Tasks that run as long as the app: one that ends with an unforeseen error is logged, shown and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

__all__ = ["Background"]

#: the rest before a task begins again
REST_S = 1.0

log = structlog.get_logger("gateway")


class Background:
    """Keeps tasks running. ``failures`` holds the last error of each task that has failed in the last minute."""

    def __init__(self, *, rest_s: float = REST_S, shown_s: float = 60.0) -> None:
        self._rest_s = rest_s
        self._shown_s = shown_s
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: dict[str, tuple[float, str]] = {}

    @property
    def failures(self) -> dict[str, str]:
        """What has failed lately, by the name of its task."""
        now_s = asyncio.get_running_loop().time()
        return {name: words for name, (at_s, words) in self._failed.items() if now_s - at_s < self._shown_s}

    def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a task until :meth:`cancel`. It is not expected to end."""
        self._tasks.append(asyncio.create_task(self._run(name, work)))

    def cancel(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Wait until all tasks have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                words = "it ended"
            except Exception as error:  # a task that ended silently would never be missed
                log.exception("background.failed", task=name)
                words = type(error).__name__
            self._failed[name] = asyncio.get_running_loop().time(), words
            await asyncio.sleep(self._rest_s)
