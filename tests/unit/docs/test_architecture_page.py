"""The table of actors and messages in docs/architecture.md, held to the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pykka

import actors
from actors.sources.source import Source
from engine import messages
from engine.actor import Actor, handlers_of
from engine.supervisor import Supervisor

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
ROWS = {
    "ChannelReconciler": "channels",
    "DeadLetterSource": "dead_letters",
    "HealthReporter": "health",
    "HistoryRequestKeeper": "history_requests",
    "LeaseKeeper": "leases",
    "QuoteFetcher": "quotes",
}
#: of the base actor's own: every actor is told these
OF_ALL = {"Ping", "Tick", "Drain", "GenerationRaised", "Crash"}
MESSAGES = {name for name in messages.__all__ if inspect.isclass(getattr(messages, name))}


def rows() -> dict[str, tuple[set[str], set[str]]]:
    """Return what each actor of the table is told and tells."""
    found = re.findall(
        r"^\| `([a-z_]+)(?::<channel>)?` \| (.*?) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {
        name: (set(re.findall(r"`(\w+)`", told)), set(re.findall(r"`(\w+)`", tells)))
        for name, told, tells in found
    }


def actor_classes() -> dict[str, type[pykka.ThreadingActor]]:
    """Return the class of each actor by the name of its module."""
    found: dict[str, type[pykka.ThreadingActor]] = {"supervisor": Supervisor}
    for module in pkgutil.walk_packages(actors.__path__, "actors."):
        for one in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(one) and issubclass(one, Actor) and one.__module__ == module.name:
                found[one.__name__] = one
    return found


def built(*modules: object) -> set[str]:
    """Return the messages that modules make: what is made there is sent from there."""
    trees = [ast.parse(inspect.getsource(module)) for module in modules]  # type: ignore[arg-type]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)} & MESSAGES


def test_fault_74_the_table_has_every_actor_with_all_it_is_told_and_tells() -> None:
    table = rows()
    for name, actor in actor_classes().items():
        if not issubclass(actor, Actor) or actor is Source:
            continue  # what sources share; the supervisor matches its messages by type
        row = ROWS.get(name, name.lower())
        assert row in table, f"{row} is not in the table of {PAGE.name}"
        told = {message.__name__ for message in handlers_of(actor)}
        assert table[row][0] - OF_ALL == told - OF_ALL, row
        if row == "responder":
            continue  # its threads serve the routes, which tell for it
        of_bases = [inspect.getmodule(base) for base in actor.__mro__ if issubclass(base, Source)]
        tells = built(inspect.getmodule(actor), *of_bases)
        assert table[row][1] - OF_ALL == tells - OF_ALL - {"Drained"}, row


def test_fault_74_every_message_has_a_sender_and_a_receiver_in_the_table() -> None:
    table = rows().values()
    received, sent = set().union(*(r for r, _ in table)), set().union(*(s for _, s in table))
    assert received | sent <= MESSAGES
    assert MESSAGES - OF_ALL - received == set()
    # that of the main thread, which is no actor
    assert MESSAGES - OF_ALL - sent - {"Shutdown"} == {"ChildReady", "ChildDown", "Drained"}
