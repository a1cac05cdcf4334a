"""Stops what a test leaves running."""

import pykka

__all__ = ["stop_all_actors"]


def stop_all_actors(*, timeout_s: float) -> list[str]:
    """Stop all actors, last started first, and name those that did not stop within `timeout_s` each.

    One by one, because `ActorRegistry.stop_all` gives up all others at the first that does not stop.
    """
    survivors = []
    for ref in reversed(pykka.ActorRegistry.get_all()):
        try:
            ref.stop(timeout=timeout_s)
        except pykka.Timeout:
            survivors.append(str(ref))
            # The next test shall not pay for this one.
            pykka.ActorRegistry.unregister(ref)
    return survivors
