"""The gateway's own database client after crowds and outages."""

import asyncio
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from ops.gateway import database as module
from ops.gateway.database import Connection, Database, DatabaseUnavailableError
from tests.support.databases import through
from tests.support.proxy import TcpProxy


@pytest.fixture
def proxy(direct_url: str) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", int(str(conninfo_to_dict(direct_url)["port"]))) as one:
        yield one


async def one(conn: Connection) -> object:
    return await (await conn.execute("select 1 as one")).fetchone()


def test_fault_92_a_crowd_in_an_outage_leaves_the_gateway_able_to_connect(
    direct_url: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POOL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "RECONNECT_TIMEOUT_S", 1.0)
    monkeypatch.setattr(module, "MAX_WAITING", 40)

    async def story() -> None:
        database = Database(through(direct_url, proxy.port), announced=False)
        await database.open_now()

        async def ask() -> bool:
            try:
                return bool(await database.run(one))
            except DatabaseUnavailableError:
                return False

        try:
            async with asyncio.timeout(10):
                while not await ask():
                    pass
            proxy.refuse()
            proxy.cut()
            # until the pool has given connecting up, and beyond
            for _ in range(20):
                assert not any(await asyncio.gather(*(ask() for _ in range(30))))
                await asyncio.sleep(0.1)
            proxy.accept()
            async with asyncio.timeout(10):
                while not await ask():
                    pass
        finally:
            await database.close()

    asyncio.run(story())
