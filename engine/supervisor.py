"""Supervisor: starts children in order, restarts the dead, drains and stops in reverse.

Erlang's ``one_for_one``, with a back-off, and with ``GenerationRaised`` to all siblings after a restart. A child added
at run time is last in order, so it stops first. The supervisor never blocks: it handles messages and looks at ticks.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

import pykka
import structlog

from engine.backoff import Backoff
from engine.children import Child, ChildState, ChildTable, Phase
from engine.directory import Entry, Heartbeat
from engine.messages import (
    AddChild,
    ChildDown,
    ChildReady,
    Drain,
    Drained,
    GenerationRaised,
    Ping,
    RemoveChild,
    Shutdown,
    Tick,
)
from engine.shutdown import advance_removal, begin_drain, stop_in_turn
from engine.spec import SUPERVISOR, ChildSpec, Context, Services
from engine.stillness import Stillness

__all__ = ["Supervisor"]

#: how often children are looked at, in seconds; the shorter interval is for draining and stopping
LOOK_EVERY_S = 1.0
LOOK_EVERY_STOPPING_S = 0.02
#: the process ends when a child gave no heartbeat for this many times its limit
HUNG_LIMITS = 2
#: doubling from 0.5 s reaches the sixth restart within 31.5 s, so a steady crash exceeds the limit
RESTART_BACKOFF = Backoff(first_s=0.5, cap_s=16.0, jitter=0.0)
PARKED_S = 300.0


class Supervisor(pykka.ThreadingActor):
    """The root of all actors. ``main`` starts it and waits for ``finished``."""

    use_daemon_thread = True

    def __init__(
        self,
        services: Services,
        specs: Sequence[ChildSpec],
        *,
        finished: threading.Event,
        drain_s: float = 7.0,
        random: Random | None = None,
    ) -> None:
        super().__init__()
        self._services = services
        self._log = structlog.get_logger(SUPERVISOR).bind(actor=SUPERVISOR)
        self._random = random or Random()  # noqa: S311 - jitter, not cryptography
        self._finished = finished
        self._drain_s = drain_s
        self._children = ChildTable(specs, services.clock.now())
        self._stillness = Stillness(services.clock, every_s=LOOK_EVERY_S)
        self._phase = Phase.STARTING
        self._phase_deadline_s = 0.0
        self._escalation: str | None = None
        self._unacknowledged = 0

    # ── Pykka's hooks ────────────────────────────────────────────────────────

    def on_start(self) -> None:
        """Register in the directory, start the first child and schedule the first look."""
        entry = Entry(self.actor_ref, 1, Heartbeat(self._services.clock.monotonic_s()))
        self._services.directory.enter(SUPERVISOR, entry)
        self._start_next()
        self._look_again()
        self._publish()

    def on_receive(self, message: Any) -> Any:
        """Dispatch the message, then publish the state that it may have changed."""
        match message:
            case ChildReady():
                self._child_ready(message)
            case ChildDown():
                self._child_down(message)
            case Drained():
                self._child_drained(message)
            case AddChild():
                self._add(message.spec)
            case RemoveChild():
                self._remove(message.name)
            case Shutdown():
                self._shut_down(message.reason)
            case Tick(purpose="look"):
                self._look()
            case Tick(purpose=purpose) if purpose.startswith("restart:"):
                self._restart(purpose.removeprefix("restart:"))
            case _:
                self._log.error("message.unknown", message_type=type(message).__name__)
        self._publish()

    # ── starting and restarting ──────────────────────────────────────────────

    def _start_next(self) -> None:
        """Start the first waiting child. When none waits, the start is complete."""
        waiting = next((child for child in self._children if child.state is ChildState.WAITING), None)
        if waiting is not None:
            self._start(waiting)
        elif self._phase is Phase.STARTING:
            self._phase = Phase.RUNNING
            self._log.info("supervisor.started", children=len(self._children))

    def _start(self, child: Child) -> None:
        now_s = self._services.clock.monotonic_s()
        child.generation += 1
        heartbeat = Heartbeat(now_s)
        heartbeat.handled, heartbeat.unknown = child.heartbeat.handled, child.heartbeat.unknown
        child.heartbeat = heartbeat
        child.deadline_s = now_s + child.spec.start_s
        child.change(ChildState.STARTING, self._services.clock.now())
        context = Context(
            name=child.spec.name, generation=child.generation, services=self._services, heartbeat=heartbeat
        )
        try:
            child.ref = child.spec.factory(context)
        except Exception as error:  # noqa: BLE001 - an exception of the constructor is a failed start
            self._lost(child, f"{type(error).__name__}: {error}", started=False)
            return
        self._services.directory.enter(child.spec.name, Entry(child.ref, child.generation, heartbeat))

    def _child_ready(self, news: ChildReady) -> None:
        child = self._children.current(news.name, news.generation)
        if child is None or child.state is not ChildState.STARTING:
            return
        child.change(ChildState.RUNNING, self._services.clock.now())
        self._log.info("child.started", child=news.name, child_generation=news.generation)
        if news.generation > 1:
            raised = GenerationRaised(name=news.name, generation=news.generation)
            for sibling in self._children:
                self._services.directory.send(sibling.spec.name, raised)
        if self._phase is Phase.STARTING:
            self._start_next()

    def _child_down(self, news: ChildDown) -> None:
        child = self._children.current(news.name, news.generation)
        if child is not None and child.is_up:
            self._lost(child, news.error, started=news.started)

    def _lost(self, child: Child, error: str, *, started: bool) -> None:
        child.last_error = error
        if self._phase in (Phase.STOPPING, Phase.STOPPED):
            child.change(ChildState.STOPPED, self._services.clock.now())
            return
        if self._phase is Phase.STARTING and not started and child.generation == 1:
            # As in Erlang, nothing restarts at boot: the set-up is wrong, and the person who starts it can see that.
            child.change(ChildState.STOPPED, self._services.clock.now())
            self._escalate(f"{child.spec.name} did not start: {error}")
            return
        too_many = child.limit.exceeded_by_another(self._services.clock.monotonic_s())
        if too_many and not child.spec.parkable and not self._children.is_backed(child):
            child.change(ChildState.STOPPED, self._services.clock.now())
            self._escalate(f"{child.spec.name} died over {child.limit.intensity} times in a minute: {error}")
            return
        child.restarts += 1
        if too_many:
            delay_s = PARKED_S
            child.limit.clear()
            child.change(ChildState.PARKED, self._services.clock.now())
        else:
            delay_s = RESTART_BACKOFF.delay_s(child.limit.recent, self._random)
            child.change(ChildState.RESTARTING, self._services.clock.now())
        self._log.error("child.died", child=child.spec.name, error=error, restart_in_s=delay_s)
        self._tick_later(f"restart:{child.spec.name}", delay_s)

    def _restart(self, name: str) -> None:
        child = self._children.find(name)
        if child is None or (child.spec.source and self._phase is Phase.DRAINING):
            return  # a new generation did not receive Drain, so it would fetch more
        if child.state in (ChildState.RESTARTING, ChildState.PARKED) and self._phase is not Phase.STOPPING:
            self._log.info("child.restarted", child=name, restarts=child.restarts)
            self._start(child)

    # ── coming and going at run time ─────────────────────────────────────────

    def _add(self, spec: ChildSpec) -> None:
        """Start one more child, or do nothing when it cannot start now: the sender asks again later."""
        if self._phase is not Phase.RUNNING or self._children.find(spec.name) is not None:
            return
        self._log.info("child.added", child=spec.name)
        self._start(self._children.add(spec, self._services.clock.now()))

    def _remove(self, name: str) -> None:
        """Remove a child. An unknown name or a child that is already leaving is no error."""
        child = self._children.find(name)
        if self._phase is not Phase.RUNNING or child is None or child.is_leaving:
            return
        self._services.timers.cancel((SUPERVISOR, f"restart:{name}"))
        begin_drain(child, services=self._services, drain_s=self._drain_s)
        self._advance_removal(child)

    def _advance_removal(self, child: Child) -> None:
        if advance_removal(child, services=self._services, log=self._log):
            self._children.remove(child)

    # ── looking round ────────────────────────────────────────────────────────

    def _look(self) -> None:
        # While the process was stopped no child could meet a deadline, so that time is added to all of them.
        lost_s = self._stillness.look()
        self._phase_deadline_s += lost_s
        self._children.put_off(lost_s)
        match self._phase:
            case Phase.STARTING | Phase.RUNNING | Phase.DRAINING:
                for child in self._children:
                    self._look_at(child)
                if self._phase is Phase.DRAINING:
                    self._finish_draining()
            case Phase.STOPPING:
                self._stop_next()
            case Phase.STOPPED:
                return
        self._look_again()

    def _look_at(self, child: Child) -> None:
        if child.is_leaving:
            self._advance_removal(child)
        if not child.is_up:
            return
        if child.ref is not None and not child.ref.is_alive():
            # It died but ChildDown did not arrive: it was lost, or the thread could not send it.
            self._lost(child, child.last_error or "stopped without a report", started=True)
            return
        age_s = self._stillness.age_s(child.heartbeat.beat_at_s)
        if child.state is ChildState.STARTING and self._services.clock.monotonic_s() > child.deadline_s:
            self._escalate(f"{child.spec.name} was not ready after {child.spec.start_s:g} s")
        elif age_s > child.spec.heartbeat_limit_s * HUNG_LIMITS:
            # A thread cannot be killed, and a second one beside it would share its resources. So end the process.
            self._escalate(f"{child.spec.name} hangs: no heartbeat for {age_s:.0f} s")
        elif age_s > child.spec.heartbeat_limit_s:
            if child.state is not ChildState.HUNG:
                self._log.error("child.hung", child=child.spec.name, beat_age_s=round(age_s, 1))
                child.last_error = f"no heartbeat for {age_s:.0f} s"
                child.change(ChildState.HUNG, self._services.clock.now())
        elif child.state is ChildState.HUNG:
            child.change(ChildState.RUNNING, self._services.clock.now())
        if age_s > child.spec.ping_after_s:
            self._services.directory.send(child.spec.name, Ping())  # a hung child too: it may recover

    # ── draining and stopping ────────────────────────────────────────────────

    def _escalate(self, why: str) -> None:
        if self._escalation is None:
            self._log.critical("supervisor.escalated", reason=why)
            self._escalation = why
            self._shut_down(why)

    def _shut_down(self, reason: str) -> None:
        if self._phase not in (Phase.STARTING, Phase.RUNNING):
            return
        self._log.info("supervisor.draining", reason=reason)
        self._phase = Phase.DRAINING
        self._phase_deadline_s = self._services.clock.monotonic_s() + self._drain_s
        for child in self._children:
            self._services.directory.send(child.spec.name, Drain())
            if child.spec.interrupt is not None:
                child.spec.interrupt()
        self._look_again()

    def _child_drained(self, news: Drained) -> None:
        child = self._children.current(news.name, news.generation)
        if child is None or child.drained:
            return
        child.drained = True
        if self._phase is Phase.DRAINING:
            self._unacknowledged += news.unacknowledged
            self._finish_draining()
        elif child.state is ChildState.LEAVING:
            self._log.info("child.drained", child=news.name, unacknowledged=news.unacknowledged)
            self._advance_removal(child)

    def _finish_draining(self) -> None:
        open_sources = [child.spec.name for child in self._children.sources() if not child.drained]
        if open_sources and self._services.clock.monotonic_s() < self._phase_deadline_s:
            return
        if open_sources:
            self._log.warning("supervisor.drain_timeout", sources=open_sources)
        else:
            self._log.info("supervisor.drained", message="drained", unacknowledged=self._unacknowledged)
        self._phase = Phase.STOPPING
        self._stop_next()

    def _stop_next(self) -> None:
        if stop_in_turn(reversed(self._children), services=self._services, log=self._log):
            self._phase = Phase.STOPPED
            self._log.info("supervisor.stopped")
            self._publish()
            self._finished.set()

    # ── internals ────────────────────────────────────────────────────────────

    def _look_again(self) -> None:
        stopping = self._phase in (Phase.DRAINING, Phase.STOPPING)
        self._tick_later("look", LOOK_EVERY_STOPPING_S if stopping else LOOK_EVERY_S)

    def _tick_later(self, purpose: str, delay_s: float) -> None:
        tell = partial(self._services.directory.send, SUPERVISOR, Tick(purpose=purpose))
        self._services.timers.call_later((SUPERVISOR, purpose), delay_s, tell)

    def _publish(self) -> None:
        snapshot = self._children.snapshot(
            self._services, self._phase, escalation=self._escalation, unacknowledged=self._unacknowledged
        )
        self._services.snapshots.publish(SUPERVISOR, snapshot)
