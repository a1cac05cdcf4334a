"""Runs all families of checks in parallel with a deadline, so that one that hangs does not hide the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from engine.safe_text import keep_hidden
from ops.doctor.broker import examine_broker
from ops.doctor.configuration import examine_configuration
from ops.doctor.context import CheckContext
from ops.doctor.database import examine_database
from ops.doctor.findings import CheckResult, broken, covered, fail
from ops.doctor.gateway import examine_gateway
from ops.doctor.machine import examine_machine
from ops.doctor.migration import examine_migration
from ops.doctor.pooler import examine_pooler
from ops.doctor.redis import examine_redis
from storage.postgres.connect_failures import name_settings

__all__ = ["FAMILIES", "Family", "examine"]

Family = Callable[[CheckContext], Iterator[CheckResult]]

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "configuration": examine_configuration,
        "database": examine_database,
        "migration": examine_migration,
        "pooler": examine_pooler,
        "redis": examine_redis,
        "gateway": examine_gateway,
        "broker": examine_broker,
        "machine": examine_machine,
    }
)
#: one deadline for all families, because they run at the same time
_DEADLINE_S: Final = 15.0


def examine(
    around: CheckContext, *, families: Mapping[str, Family] = FAMILIES, deadline_s: float = _DEADLINE_S
) -> tuple[CheckResult, ...]:
    """Run every check, and return the findings in the order of the families.

    A family that is not done after ``deadline_s`` seconds is reported together with its findings so far. Its thread
    is left running, because Python cannot end a thread that hangs in a system call.
    """
    keep_hidden(around.settings.secrets(), further=True)
    name_settings(around.settings.database.places)
    examiners = [_Examiner(name, family, around) for name, family in families.items()]
    ends_at = time.monotonic() + deadline_s
    for examiner in examiners:
        examiner.start()
    for examiner in examiners:
        examiner.join(max(0.0, ends_at - time.monotonic()))
    findings = [finding for examiner in examiners for finding in examiner.result(deadline_s)]
    findings += around.clocks.judged()
    return tuple(covered(finding) for finding in findings)


class _Examiner(threading.Thread):
    """Runs one family. It is a daemon thread, so that a hung family does not delay the exit."""

    def __init__(self, name: str, family: Family, around: CheckContext) -> None:
        super().__init__(name=f"doctor-{name}", daemon=True)
        self._family_name = name
        self._family = family
        self._around = around
        self._found: list[CheckResult] = []

    def run(self) -> None:
        try:
            for finding in self._family(self._around):
                self._found.append(finding)
        except Exception as error:  # noqa: BLE001 - a bug in one family must not hide the findings of the others
            self._found.append(broken(f"{self._family_name}.checks", error))

    def result(self, deadline_s: float) -> list[CheckResult]:
        """Return the findings so far, and a failure if the family is still running."""
        found = list(self._found)  # a copy: a family that is still running may append more
        if self.is_alive():
            found.append(
                fail(
                    f"{self._family_name}.deadline",
                    f"the checks were not finished after {deadline_s:g} s",
                    "something hangs: the name look-up, the network or the server; look at the server's log",
                )
            )
        return found
