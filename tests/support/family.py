"""A supervisor that is never started, and children that do as the test says; no thread, no real time."""

from __future__ import annotations

import threading
from typing import Any

import pykka
from pykka.messages import _ActorStop

from engine.children import ChildSnapshot, ChildState, Phase, SupervisorSnapshot
from engine.messages import AddChild, ChildDown, ChildReady, Drain, Drained, Ping, RemoveChild
from engine.spec import SUPERVISOR, ChildSpec, Context
from engine.supervisor import Supervisor
from tests.support.recording import Recorder, World, take_messages

__all__ = ["FakeChild", "Family"]


class FakeChild(Recorder):
    """One generation of a child. ``hung`` answers no ping; ``stuck`` does not stop when told to."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.told: list[object] = []
        self.hung = False
        self.stuck = False

    def told_of(self, kind: type[object]) -> list[object]:
        """Return the messages of one type it was told so far."""
        return [message for message in self.told if isinstance(message, kind)]


class Family(World):
    """A supervisor with fake children, by name.

    ``log`` is what happened to children in order: "start a", "stop a". ``refuse`` maps a child to the
    error of its constructor; who is in ``silent`` starts without getting ready.
    """

    def __init__(self, *names: str, **kinds: dict[str, Any]) -> None:
        super().__init__()
        self.log: list[str] = []
        self.refuse: dict[str, Exception] = {}
        self.silent: set[str] = set()
        self.drains_by_itself = True
        self.live: dict[str, FakeChild] = {}
        self.finished = threading.Event()
        specs = [
            ChildSpec(name=name, factory=self._start, **kinds.get(name, {})) for name in names or tuple(kinds)
        ]
        self.supervisor = Supervisor(self.services, specs, finished=self.finished)

    def start(self) -> None:
        """Let the supervisor start and everything follow that needs no time."""
        self.supervisor.on_start()
        self.settle()

    def _start(self, context: Context) -> pykka.ActorRef[Any]:
        self.log.append(f"start {context.name}")
        if (error := self.refuse.get(context.name)) is not None:
            raise error
        child = self.live[context.name] = FakeChild(context)
        if context.name not in self.silent:
            self.tell(ChildReady(name=context.name, generation=context.generation))
        return child.actor_ref

    def tell(self, message: object) -> None:
        """Tell the supervisor something; it hears of it when things settle."""
        self.supervisor.actor_ref.tell(message)

    def add(self, name: str, **kind: Any) -> None:
        """Let one more child be asked for."""
        self.tell(AddChild(spec=ChildSpec(name=name, factory=self._start, **kind)))
        self.settle()

    def remove(self, name: str) -> None:
        """Let a child be sent away."""
        self.tell(RemoveChild(name=name))
        self.settle()

    def ready(self, name: str) -> None:
        """Let a silent child get ready."""
        self.tell(ChildReady(name=name, generation=self.live[name].context.generation))
        self.settle()

    def die(self, name: str, error: str = "ValueError: boom", *, started: bool = True) -> None:
        """Let a child die as actors do: dead first, then a word to the supervisor."""
        child = self.live[name]
        child.die()
        self.tell(ChildDown(name=name, generation=child.context.generation, error=error, started=started))
        self.settle()

    def drained(self, name: str, unacknowledged: int = 0) -> None:
        """Let a source say that nothing of it is in flight."""
        generation = self.live[name].context.generation
        self.tell(Drained(name=name, generation=generation, unacknowledged=unacknowledged))
        self.settle()

    def settle(self) -> None:
        """Handle messages until nobody has one left."""
        while waiting := take_messages(self.supervisor):
            for message in waiting:
                self.supervisor.on_receive(message)
            for child in self.live.values():
                self._live(child)

    def _live(self, child: FakeChild) -> None:
        for message in child.taken():
            child.told.append(message)
            match message:
                case Ping() if not child.hung:
                    child.context.heartbeat.beat_at_s = self.clock.monotonic_s()
                case Drain() if self.drains_by_itself:
                    context = child.context
                    self.tell(Drained(name=context.name, generation=context.generation, unacknowledged=0))
                case _ActorStop():
                    self.log.append(f"stop {child.context.name}")
                    if not child.stuck:
                        child.die()

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.timers.advance(seconds, self.settle)

    def names(self) -> list[str]:
        """Return the names of the children shown, in order."""
        return [child.name for child in self.snapshot.children]

    @property
    def snapshot(self) -> SupervisorSnapshot:
        """What the supervisor shows."""
        return self.shown(SUPERVISOR, SupervisorSnapshot)

    def phase(self) -> Phase:
        """Where the supervisor itself stands; a call, for it changes between two looks."""
        return self.snapshot.phase

    def child(self, name: str) -> ChildSnapshot:
        """What the supervisor shows of one child."""
        return next(child for child in self.snapshot.children if child.name == name)

    def state(self, name: str) -> ChildState:
        """Where the supervisor says a child stands."""
        return self.child(name).state
