"""Notifications to the service manager: datagrams to ``NOTIFY_SOCKET``, as in sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

import structlog

__all__ = ["ServiceManager"]

_log = structlog.get_logger("main")

#: the manager's queue may be full for a moment; the daemon waits at most this long
_SEND_S = 1.0
#: `systemctl status` cuts longer texts
_LONGEST_STATUS = 200


class ServiceManager:
    """The service manager that started this process. Without one, notifications are dropped.

    Args:
        address: Path of a datagram socket. A leading ``@`` means Linux' abstract namespace.
        watchdog_s: The manager kills this process after this many seconds without :meth:`alive`. None: no watchdog.

    """

    def __init__(self, address: str | None = None, *, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Return the manager that an environment names. Remove its variables, so that child processes do not use it."""
        address = environment.pop("NOTIFY_SOCKET", "")
        period_us = environment.pop("WATCHDOG_USEC", "")
        for_pid = environment.pop("WATCHDOG_PID", "")
        if not address.startswith(("/", "@")):
            if address:
                _log.warning("manager.unknown_address", address=address)
            return cls()
        ours = for_pid in ("", str(os.getpid()))
        watched = ours and period_us.isdecimal() and int(period_us) > 0
        return cls(address, watchdog_s=int(period_us) / 1_000_000 if watched else None)

    def ready(self) -> None:
        """Report that the start is complete."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Reset the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Report that the shutdown has begun."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the status line that `systemctl status` shows."""
        self._tell(f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}")

    def _tell(self, word: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
                wire.settimeout(_SEND_S)
                wire.sendto(word.encode("utf-8", "replace"), self._address)
        except OSError as error:
            # not fatal: a manager that waits for the notification will act by itself
            _log.warning("manager.not_told", word=word.partition("=")[0], error=str(error))
