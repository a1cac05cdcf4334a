"""Where the parts of a local stack listen: by default, by a first port, or as they did before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ops.local.process import LocalServerError

__all__ = ["OtherPortsError", "StackPorts"]


class OtherPortsError(LocalServerError):
    """The stack runs, and on other ports than the wanted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPorts:
    """Where each part listens; by default the contract's ports."""

    database: int = 5440
    pgbouncer: int = 6435
    redis_master: int = 6381
    redis_replica: int = 6382
    engine: int = 4008
    gateway: int = 4010

    @classmethod
    def from_base(cls, base: int) -> StackPorts:
        """Return six ports in a row."""
        names = ("database", "pgbouncer", "redis_master", "redis_replica", "engine", "gateway")
        return cls(**{name: base + step for step, name in enumerate(names)})

    @classmethod
    def from_parts(cls, known: Mapping[str, int]) -> StackPorts:
        """Return the ports of a stack of which some parts are known, by name; the usual ones when none is."""
        guesses = [cls()]
        if "database" in known:
            # parts that never ran yet come where they would have come at the first start
            guesses.append(cls.from_base(known["database"]))
        for guess in guesses:
            if all(guess.of(name) == port for name, port in known.items()):
                return guess
        return replace(cls(), **{name.replace("-", "_"): port for name, port in known.items()})

    def agree_with(self, running: Mapping[str, int]) -> None:
        """Look whether running parts, by name, listen where these ports say.

        Raises:
            OtherPortsError: one of them does not.
        """
        if any(port != self.of(name) for name, port in running.items()):
            places = ", ".join(f"{name} {port}" for name, port in running.items())
            raise OtherPortsError(
                f"This stack runs on other ports ({places}): `tp-capital stack down` first."
            )

    def of(self, part: str) -> int:
        """Return the port of a part by its name."""
        return int(getattr(self, part.replace("-", "_")))
