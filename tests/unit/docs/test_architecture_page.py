"""The table of actors and messages in docs/architecture.md, held to the code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pykka

import actors
from engine import messages
from engine.actor import Actor
from engine.supervisor import Supervisor

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
ROWS = {"ChannelReconciler": "channels", "DeadLetterSource": "dead_letters"}
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


def told(actor: type[pykka.ThreadingActor]) -> set[str]:
    """Return the messages that a class has handlers for."""
    handlers = [getattr(actor, name) for name in dir(actor) if name.startswith("_on_")]
    hints = [inspect.get_annotations(handler, eval_str=True) for handler in handlers]
    return {
        one.__name__ for hint in hints for one in hint.values() if getattr(one, "__name__", "") in MESSAGES
    }


def test_fault_74_the_table_has_every_actor_with_all_it_is_told() -> None:
    table = rows()
    for name, actor in actor_classes().items():
        if name in (
            "Source",
            "supervisor",
        ):  # what sources share; the supervisor matches its messages by type
            continue
        row = ROWS.get(name, name.lower())
        assert row in table, f"{row} is not in the table of {PAGE.name}"
        assert table[row][0] - OF_ALL == told(actor) - OF_ALL, row


def test_fault_74_every_message_has_a_sender_and_a_receiver_in_the_table() -> None:
    table = rows().values()
    received, sent = set().union(*(r for r, _ in table)), set().union(*(s for _, s in table))
    assert received | sent <= MESSAGES
    assert MESSAGES - OF_ALL - received == set()
    # that of the main thread, which is no actor
    assert MESSAGES - OF_ALL - sent - {"Shutdown"} == {"ChildReady", "ChildDown", "Drained"}
