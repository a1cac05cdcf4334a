"""Base actor: typed dispatch, heartbeat, logging context, snapshot, and news of its death.

Pykka calls a different set of hooks for each way an actor can end.
``tests/unit/engine/test_pykka_contract.py`` records them. This class closes the gaps.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import pykka
import structlog

from engine.clock import Clock
from engine.messages import ChildDown, ChildReady, Crash, Drain, GenerationRaised, Ping, Tick
from engine.spec import SUPERVISOR, Context

__all__ = ["Actor", "DrillError", "handlers_of", "handles"]


class DrillError(RuntimeError):
    """Raised by an actor that was told to ``Crash``."""


Handler = TypeVar("Handler", bound=Callable[..., Any])


def handles(message_type: type) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of messages of exactly this type."""

    def mark(method: Handler) -> Handler:
        method.handles = message_type  # type: ignore[attr-defined]
        return method

    return mark


@functools.cache
def handlers_of(actor: type) -> Mapping[type, str]:
    """Return the handler's name for each message type. A handler of a subclass replaces its base's."""
    return {
        method.handles: name
        for base in reversed(actor.__mro__)
        for name, method in vars(base).items()
        if hasattr(method, "handles")
    }


class Actor(pykka.ThreadingActor):
    """An actor whose logical name survives its restarts.

    A subclass marks its handlers with :func:`handles` and implements ``_open`` and ``_close``. An exception
    that leaves a handler ends the actor, and the supervisor starts a new one. So a handler catches only the
    errors that it can deal with.
    """

    # A thread that hangs in a call must not keep the process from exiting.
    use_daemon_thread = True

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.log = structlog.get_logger(context.name).bind(actor=context.name, generation=context.generation)
        self._ready = False

    # ── for subclasses ───────────────────────────────────────────────────────

    @property
    def clock(self) -> Clock:
        """The clock that this actor takes every duration and instant from."""
        return self.context.services.clock

    def send(self, name: str, message: object) -> bool:
        """Tell another actor by its logical name. Return False when it is down: that is counted, and safe."""
        return self.context.services.directory.send(name, message)

    def publish(self, snapshot: object) -> None:
        """Publish an immutable snapshot under this actor's name."""
        self.context.services.snapshots.publish(self.context.name, snapshot)

    def tick_later(self, purpose: str, delay_s: float) -> None:
        """Send this actor ``Tick(purpose)`` in ``delay_s`` seconds. It replaces an outstanding tick of this purpose."""
        self.context.services.timers.call_later(
            (self.context.name, purpose), delay_s, functools.partial(self._tell_tick, Tick(purpose=purpose))
        )

    def tick_each(self, purpose: str, every_s: float) -> None:
        """Send this actor ``Tick(purpose)`` when the clock is next at a multiple of ``every_s``.

        So all actors that look each second look together, and an idle process wakes once.
        """
        self.tick_later(purpose, every_s - self.clock.monotonic_s() % every_s)

    def cancel_tick(self, purpose: str) -> None:
        """Cancel an outstanding tick."""
        self.context.services.timers.cancel((self.context.name, purpose))

    def _open(self) -> None:
        """Open resources in the actor's thread. An exception here counts as a failed start."""

    def _close(self) -> None:
        """Close what ``_open`` opened."""

    # ── Pykka's hooks ────────────────────────────────────────────────────────

    def on_start(self) -> None:
        """Open the resources and report the result. It never raises: Pykka would call no other hook."""
        structlog.contextvars.bind_contextvars(actor=self.context.name, generation=self.context.generation)
        self.beat()
        try:
            self._open()
        except BaseException as error:
            self.log.exception("actor.start_failed")
            self._report_down(error)
            self.stop()
            return
        self._ready = True
        self.send(SUPERVISOR, ChildReady(name=self.context.name, generation=self.context.generation))

    def on_receive(self, message: Any) -> Any:
        """Dispatch by the message's type. An unknown type is logged as an error and counted."""
        self.beat()
        name = handlers_of(type(self)).get(type(message))
        if name is None:
            self.context.heartbeat.unknown += 1
            self.log.error("message.unknown", message_type=type(message).__name__)
            return None
        try:
            return getattr(self, name)(message)
        except Exception:
            raise
        except BaseException as error:
            # Pykka stops every actor of the process when a handler raises SystemExit.
            raise RuntimeError(f"{type(error).__name__} in a handler") from error
        finally:
            self.context.heartbeat.handled += 1
            self.beat()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - Pykka's signature
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - Pykka's signature
    ) -> None:
        """Report the death and close the resources, because Pykka does not call ``on_stop`` here."""
        self._report_down(exception_value)
        self._close_quietly()

    def on_stop(self) -> None:
        """Close the resources. It never raises."""
        self._close_quietly()

    # ── messages every actor knows ───────────────────────────────────────────

    @handles(Ping)
    def _on_ping(self, _: Ping) -> None:
        """Do nothing more: ``on_receive`` has already recorded the heartbeat."""

    @handles(GenerationRaised)
    def _on_generation_raised(self, news: GenerationRaised) -> None:
        """Ignore it. Only a source acts on it, because only a source can have lost a batch."""

    @handles(Drain)
    def _on_drain(self, _: Drain) -> None:
        """Ignore it. Only a source has a batch to finish before it stops."""

    @handles(Crash)
    def _on_crash(self, drill: Crash) -> None:
        raise DrillError(drill.reason)

    # ── internals ────────────────────────────────────────────────────────────

    def _tell_tick(self, tick: Tick) -> None:
        # The tick goes to this reference, not to the name: the next generation sets its own ticks.
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(tick)

    def beat(self) -> None:
        """Record a heartbeat. Long work calls this from time to time."""
        self.context.heartbeat.beat_at_s = self.clock.monotonic_s()

    def _report_down(self, error: BaseException | None) -> None:
        self.send(
            SUPERVISOR,
            ChildDown(
                name=self.context.name,
                generation=self.context.generation,
                error=f"{type(error).__name__}: {error}",
                started=self._ready,
            ),
        )

    def _close_quietly(self) -> None:
        try:
            self._close()
        except Exception:
            self.log.exception("actor.close_failed")
