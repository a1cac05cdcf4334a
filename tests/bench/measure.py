"""What the harness runs: a measure yields its figures one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.scene import Scene

__all__ = ["Measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """``on_demand``: left out unless it is named, as it takes too long or needs a server of its own."""

    name: str
    what: str
    run: Callable[[Scene], Iterator[Figure]]
    on_demand: bool = False
    in_quick: bool = True
