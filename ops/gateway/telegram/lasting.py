"""Tasks that last as long as a connection to Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from telethon import TelegramClient

__all__ = ["first_of", "until_disconnected"]


async def until_disconnected(client: TelegramClient) -> None:
    """Wait until the connection is lost.

    Raises:
        ConnectionError: always.
    """
    await client.disconnected
    raise ConnectionError("the connection was lost")


async def first_of(*works: Awaitable[None]) -> None:
    """Run all until one ends, which is with an error. End the others, and raise it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
