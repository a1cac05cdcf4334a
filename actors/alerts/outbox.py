"""Sends what is due: each target in its order, many targets at the same time.

A target is served by one thread at a time, so its order is kept. There are many more threads than a machine can use at
once: they wait for targets. So dozens of targets that are slow hold up none of the others, also right after a start.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, tzinfo
from random import Random
from typing import Protocol

import structlog

from actors.alerts.quiet import is_over, quiet_until
from actors.shown.metrics import Metrics
from engine.backoff import Backoff
from storage.alerts.outcome import Attempt, Verdict
from storage.errors import StorageError
from storage.postgres.alert_deliveries import AlertDeliveries
from storage.postgres.alert_rules import AlertKind, AlertRule, AlertTarget
from storage.postgres.alert_values import DueAlert

__all__ = ["AlertOutbox", "AlertSender"]

_log = structlog.get_logger("alerts")

BACKOFF = Backoff(first_s=1.0, cap_s=300.0)
#: a target that is away is given up after about two hours, one that refuses an alert after about half a minute
MOST_FAILURES, MOST_REFUSALS = 30, 5
#: an alert that has waited so long, for those before it or because its target asks to wait, is no news at all
TOO_LATE = timedelta(days=1)
THREADS = 64
#: so many of them look for their next alert at once; readers of signals use the same connections
LOOK_AT_ONCE = 4


class AlertSender(Protocol):
    """What sends one alert to one target (:class:`ops.alerts.sending.Sender`)."""

    def send(self, target: AlertTarget, alert: DueAlert) -> Attempt:
        """Send once. It takes some seconds at most, and raises nothing."""
        ...


class AlertOutbox:
    """The threads that send. They end when nothing is due. ``may_send`` is asked before each alert."""

    def __init__(
        self,
        deliveries: AlertDeliveries,
        sender: AlertSender,
        *,
        now: Callable[[], datetime],
        zone: tzinfo,
        metrics: Metrics,
        random: Random,
        may_send: Callable[[], bool],
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._now = now
        self._zone = zone
        self._metrics = metrics
        self._random = random
        self._lock = threading.Lock()
        self._targets: dict[int, tuple[AlertRule, AlertTarget]] = {}
        self._waiting: deque[int] = deque()
        self._threads = 0
        self._busy: set[int] = set()
        self._again: set[int] = set()
        self._looking = threading.BoundedSemaphore(LOOK_AT_ONCE)
        self._closed = False
        self._may_send = may_send

    def know(self, rules: Iterable[AlertRule]) -> None:
        """Use these rules and their targets from now on."""
        self._targets = {target.id: (rule, target) for rule in rules for target in rule.targets}

    def serve(self, targets: Iterable[int]) -> None:
        """Look for what is due to these targets, each in its turn. This returns at once."""
        with self._lock:
            if self._closed:
                return
            for target in targets:
                if target in self._busy:
                    self._again.add(target)
                elif target not in self._waiting:
                    self._waiting.append(target)
            for _ in range(min(len(self._waiting), THREADS - self._threads)):
                threading.Thread(target=self._work, name="alerts", daemon=True).start()
                self._threads += 1

    @property
    def is_idle(self) -> bool:
        """Whether no thread runs."""
        return not self._threads

    def close(self) -> None:
        """Begin no further attempt. One that runs ends by itself, within seconds; what it did may be repeated later."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def _work(self) -> None:
        while (target := self._take()) is not None:
            try:
                self._serve(target)
            except StorageError as error:
                # what was sent may be sent again, with the same id; the next look finds it
                _log.warning("alerts.not_noted", error=str(error))
            except Exception:  # noqa: BLE001 - one failing target must not end the thread that serves others
                _log.exception("alerts.failed", target=target)
            finally:
                self._give_back(target)

    def _take(self) -> int | None:
        with self._lock:
            if not self._waiting:
                self._threads -= 1
                return None
            target = self._waiting.popleft()
            self._busy.add(target)
            return target

    def _give_back(self, target: int) -> None:
        with self._lock:
            self._busy.discard(target)
            again = target in self._again
            self._again.discard(target)
        if again:
            self.serve([target])

    def _serve(self, target_id: int) -> None:
        """Send what is due to a target now, one alert after the other."""
        while not self._closed and self._may_send() and (known := self._targets.get(target_id)) is not None:
            now = self._now()
            until = quiet_until(known[0].values.quiet_hours, now, self._zone)
            if until is not None and until > now:
                # also what stands behind the next one: it is looked at when they end, and is no failure until then
                self._deliveries.hold(target_id, until)
            with self._looking:
                alert = self._deliveries.next_of(target_id)
            if alert is None or alert.next_at > now or known[1].off_at is not None:
                return
            if not self._is_left_out(alert, now) and not self._attempt(alert, known[1]):
                return

    def _is_left_out(self, alert: DueAlert, now: datetime) -> bool:
        """Return whether an alert is not to be sent, and note why.

        At the end of quiet hours a trader wants to know what still counts, and what became of known signals. An ended
        signal that they were not told of is nothing to wake up to.
        """
        if alert.asked:
            return False
        if now - alert.created_at > TOO_LATE:
            self._end(alert, "dead", reason="it could not be sent for a day", tried=False)
            return True
        reason = None
        if alert.held and alert.kind == AlertKind.SIGNAL and is_over(alert.signal_status):
            reason = "the signal ended in the quiet hours"
        elif alert.signal_was_left_out:
            reason = "the alert of its signal was left out"
        if reason is not None:
            self._end(alert, "skipped", reason=reason, tried=False)
        return reason is not None

    def _attempt(self, alert: DueAlert, target: AlertTarget) -> bool:
        """Send once and note the result. Return whether the next alert may follow at once."""
        attempt = self._send(target, alert)
        match attempt.verdict:
            case Verdict.SENT:
                self._end(alert, "sent", reason=None, tried=True)
                return True
            case Verdict.GONE:
                reason = attempt.reason or "gone"
                self._deliveries.switch_off(target.id, alert.id, reason=reason, now=self._now())
                self._metrics.alerts.labels("dead").inc()
                _log.warning(
                    "alerts.target_switched_off", target=target.id, rule=alert.rule_id, reason=reason
                )
                return False
        self._metrics.alerts.labels("failed").inc()
        reason = attempt.reason or "it failed"
        _log.info("alerts.attempt_failed", target=target.id, alert=alert.identity, reason=reason)
        failures = alert.attempts + 1
        most = MOST_REFUSALS if attempt.verdict is Verdict.REFUSED else MOST_FAILURES
        # a target that asks for a pause gets it; it is no failure that counts
        pause_s = attempt.wait_s or 0.0
        if alert.kind == AlertKind.TEST or (failures >= most and not pause_s):
            self._end(alert, "dead", reason=reason, tried=True)
            return True
        next_at = self._now() + timedelta(seconds=max(pause_s, BACKOFF.delay_s(failures, self._random)))
        self._deliveries.postpone(alert.id, reason=reason, next_at=next_at, tried=not pause_s)
        return False

    def _send(self, target: AlertTarget, alert: DueAlert) -> Attempt:
        try:
            return self._sender.send(target, alert)
        except Exception as error:  # noqa: BLE001 - it holds up the target as any failure does, and no longer
            _log.exception("alerts.send_broke", target=target.id, alert=alert.identity)
            return Attempt(verdict=Verdict.FAILED, reason=f"an error in this service: {type(error).__name__}")

    def _end(self, alert: DueAlert, state: str, *, reason: str | None, tried: bool) -> None:
        self._deliveries.end(alert.id, state, reason=reason, tried=tried, now=self._now())
        self._metrics.alerts.labels(state).inc()
