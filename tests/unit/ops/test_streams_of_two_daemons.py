"""A model of fault 86: one database, two daemons that look at it when they like, and a client that moves between them."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.shown.event_log import Position
from ops.http.routes.frames import event_of, read_place
from storage.postgres.signals import Changes
from tests.support.changes import first
from tests.unit.ops.test_streaming import ROW, Reader, World


class Database:
    """Commits of some signals each; the id of a signal is its place in all of them."""

    def __init__(self) -> None:
        self.number = 0
        self.rows: list[dict[str, Any]] = []

    def commit(self, signals: int) -> None:
        self.number += 1
        for _ in range(signals):
            self.rows.append({**ROW, "number": self.number, "id": len(self.rows) + 1})

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Changes:
        return first([r for r in self.rows if after < (r["number"], r["id"]) and r["number"] <= upto], limit)

    @property
    def ids(self) -> list[str]:
        return [f"{row['number']}-{row['id']}" for row in self.rows]


class Daemon(World):
    """One daemon's streams over the shared database; it knows a commit once it has looked."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.signals.committed = database.committed  # type: ignore[method-assign]

    def certain_number(self) -> int:
        return self.database.number

    def look(self) -> None:
        goal, newest = Position.end_of(self.database.number), self.event_log.newest
        if newest is None:
            self.event_log.restart(goal)
        elif newest < goal and not self.event_log.pass_over(goal):
            rows = self.database.committed(after=newest, upto=goal.number, limit=10_000).rows
            self.event_log.append([event_of(row) for row in rows], goal)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["look", "move", "restart"]), st.integers(0, 1)),
        st.tuples(st.just("breathe"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_fault_86_a_client_that_moves_between_daemons_gets_each_signal_once_in_order(
    steps: list[tuple[str, int]],
) -> None:
    async def test() -> None:
        database = Database()
        daemons = [Daemon(database), Daemon(database)]
        for daemon in daemons:
            daemon.look()
        got: list[str] = []
        at, place, todo = 0, Position.end_of(0), list(steps)
        while True:
            async with daemons[at].reader(place=place) as reader:
                moved = await play(daemons, database, todo, at)
                if moved is None:
                    for daemon in daemons:
                        daemon.look()
                    await reader.until(functools.partial(has_all, reader, got, database))
            got += of_one_connection(reader)
            place = max([place, *(read_place(text) for text in reader.all_ids())])
            if moved is None:
                break
            at = moved
        assert got == database.ids

    asyncio.run(test())


async def play(daemons: list[Daemon], database: Database, todo: list[tuple[str, int]], at: int) -> int | None:
    """Take steps until the client moves and return where to; None when no step is left."""
    while todo:
        match todo.pop(0):
            case "commit", signals:
                database.commit(signals)
            case "look", which:
                daemons[which].look()
            case "restart", which if which != at:
                daemons[which] = Daemon(database)
                daemons[which].look()
            case "move", which:
                return which
            case _:
                await asyncio.sleep(0.001)
    return None


def has_all(reader: Reader, before: list[str], database: Database) -> bool:
    return before + reader.ids() == database.ids


def of_one_connection(reader: Reader) -> list[str]:
    places = [read_place(text) for text in reader.all_ids()]
    assert places == sorted(places), "ids step back"
    assert len(set(reader.ids())) == len(reader.ids()), "an id came twice"
    assert "reset" not in reader.text
    return reader.ids()
