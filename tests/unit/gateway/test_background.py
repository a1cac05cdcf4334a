"""Tasks in the background do not end silently."""

from __future__ import annotations

import asyncio

from ops.gateway.background import Background


def test_a_task_that_fails_is_named_and_begun_again_and_one_that_runs_is_not() -> None:
    async def main() -> None:
        background = Background(rest_s=0)
        runs, again = 0, asyncio.Event()

        async def failing() -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise KeyError("unforeseen")
            again.set()
            await asyncio.Event().wait()

        async def running() -> None:
            await asyncio.Event().wait()

        background.keep("failing", failing)
        background.keep("running", running)
        async with asyncio.timeout(30):
            await again.wait()
            assert background.failures == {"failing": "KeyError"}
            background.cancel()
            await background.ended()

    asyncio.run(main())


def test_a_failure_is_shown_for_a_while_only() -> None:
    async def main() -> None:
        background = Background(rest_s=30, shown_s=0)
        failed = asyncio.Event()

        async def ending() -> None:
            failed.set()

        background.keep("ending", ending)
        async with asyncio.timeout(30):
            await failed.wait()
            await asyncio.sleep(0)
        assert background.failures == {}
        background.cancel()
        await background.ended()

    asyncio.run(main())
