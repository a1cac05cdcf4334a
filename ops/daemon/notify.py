"""Words to the service manager: datagrams to ``NOTIFY_SOCKET``, as sd_notify(3) describes them."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

import structlog

__all__ = ["ServiceManager"]

_log = structlog.get_logger("main")

#: the manager's queue may be full for a moment; the daemon does not wait longer for it
_SEND_S = 1.0
#: longer texts are cut in `systemctl status` anyway
_LONGEST_STATUS = 200


class ServiceManager:
    """The manager that started us, or nobody: then every word goes nowhere.

    Args:
        address: Path of a datagram socket; with a leading ``@`` one in Linux' abstract namespace.
        watchdog_s: The manager ends us when it hears no :meth:`alive` for so many seconds; None: it does not watch.

    """

    def __init__(self, address: str | None = None, *, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Return the manager an environment names, and take its variables out: a child is not watched."""
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
        """Say that the start is over."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Wind the watchdog up again."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line to who asks for the service's state."""
        self._tell(f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}")

    def _tell(self, word: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
                wire.settimeout(_SEND_S)
                wire.sendto(word.encode("utf-8", "replace"), self._address)
        except OSError as error:
            # a manager that does not listen is no reason to stop; one that waited for the word acts by itself
            _log.warning("manager.not_told", word=word.partition("=")[0], error=str(error))
