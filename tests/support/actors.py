"""Stops what a test leaves running."""

from collections.abc import Collection

import pykka
from pykka import ActorRef

__all__ = ["stop_all_actors"]


def stop_all_actors(*, timeout_s: float, but: Collection[ActorRef[pykka.Actor]] = ()) -> list[str]:
    """Stop all actors, last started first, and name those that did not stop within `timeout_s` each.

    `but` are left alone: a fixture of wider scope looks after them.

    One by one, because `ActorRegistry.stop_all` gives up all others at the first that does not stop.
    """
    survivors = []
    for ref in reversed(pykka.ActorRegistry.get_all()):
        if ref in but:
            continue
        try:
            ref.stop(timeout=timeout_s)
        except pykka.Timeout:
            survivors.append(str(ref))
            # The next test shall not pay for this one.
            pykka.ActorRegistry.unregister(ref)
    return survivors
