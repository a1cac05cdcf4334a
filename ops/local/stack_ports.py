"""The ports of a local stack: the defaults, eight ports in a row, or the former ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ops.local.process import LocalServerError

__all__ = ["OtherPortsError", "StackPorts"]


class OtherPortsError(LocalServerError):
    """The stack already runs on other ports than the wanted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPorts:
    """The port of each part. The defaults are the contract's."""

    database: int = 5440
    pgbouncer: int = 6435
    redis_master: int = 6381
    redis_replica: int = 6382
    engine: int = 4008
    gateway: int = 4010
    #: not RabbitMQ's own ports, which a node of the system may use
    epmd: int = 4370
    broker: int = 5673

    @classmethod
    def from_base(cls, base: int) -> StackPorts:
        """Return eight ports in a row."""
        names = (
            "database",
            "pgbouncer",
            "redis_master",
            "redis_replica",
            "engine",
            "gateway",
            "epmd",
            "broker",
        )
        return cls(**{name: base + step for step, name in enumerate(names)})

    @classmethod
    def from_parts(cls, known: Mapping[str, int]) -> StackPorts:
        """Return the ports of a stack from the known ports of some parts. Without any, return the defaults."""
        guesses = [cls()]
        if "database" in known:
            # a part that never ran gets the port that it would have had at the first start
            guesses.append(cls.from_base(known["database"]))
        for guess in guesses:
            if all(guess.of(name) == port for name, port in known.items()):
                return guess
        return replace(cls(), **{name.replace("-", "_"): port for name, port in known.items()})

    def agree_with(self, running: Mapping[str, int]) -> None:
        """Check that the running parts, by name, use these ports.

        Raises:
            OtherPortsError: a part uses another port.
        """
        if any(port != self.of(name) for name, port in running.items()):
            places = ", ".join(f"{name} {port}" for name, port in running.items())
            raise OtherPortsError(
                f"This stack runs on other ports ({places}): `tp-capital stack down` first."
            )

    def of(self, part: str) -> int:
        """Return the port of a part by its name."""
        return int(getattr(self, part.replace("-", "_")))
