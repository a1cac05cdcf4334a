"""The messages between supervisor, timers and children. `engine/messages.py` has them beside all others."""

from __future__ import annotations

from dataclasses import dataclass

from engine.spec import ChildSpec

__all__ = [
    "AddChild",
    "ChildDown",
    "ChildReady",
    "Crash",
    "Drain",
    "Drained",
    "GenerationRaised",
    "Ping",
    "RemoveChild",
    "Shutdown",
    "Tick",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Supervisor to child: record a heartbeat. It distinguishes an idle actor from a hung one.

    It is sent only after ``ChildSpec.ping_after_s`` without a heartbeat.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Timer to the actor that set it: the work that ``purpose`` names is due."""

    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildReady:
    """Child to supervisor, at the end of its start: my resources are open, so the next child may start."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildDown:
    """Child to supervisor: I died of ``error``. ``started`` is False when the child never became ready."""

    name: str
    generation: int
    error: str
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRaised:
    """Supervisor to every child: ``name`` was restarted, and the messages in its old mailbox are lost."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddChild:
    """Channel reconciler or lease keeper to supervisor: start one more child.

    It has no effect when a child of this name exists or the supervisor is stopping.
    """

    spec: ChildSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveChild:
    """Channel reconciler or lease keeper to supervisor: drain, stop and forget the child of this name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Main to supervisor: drain the sources, then stop all children in reverse order."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Supervisor to a source: fetch no more, and answer ``Drained`` when nothing is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Source to supervisor: I have nothing in flight. ``unacknowledged`` messages remain."""

    name: str
    generation: int
    unacknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Fault drill to any actor: raise in the handler. Only tests send it; nothing outside can trigger it."""

    reason: str
