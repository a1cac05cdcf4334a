"""Every actor's logical name, once. Of some there is one for each channel: the channel stands behind a colon."""

from engine.spec import SUPERVISOR

__all__ = [
    "ACKNOWLEDGER",
    "AUDITOR",
    "BACKFILL",
    "CACHE",
    "CHANNELS",
    "DEAD_LETTERS",
    "DOORBELL",
    "HEALTH",
    "MAINTENANCE",
    "PARSER",
    "POLLER",
    "RESPONDER",
    "STREAM",
    "SUPERVISOR",
    "WRITER",
    "of_channel",
]

PARSER = "parser"
WRITER = "writer"
CACHE = "cache"
STREAM = "stream"
HEALTH = "health"
RESPONDER = "responder"
CHANNELS = "channels"
BACKFILL = "backfill"
AUDITOR = "auditor"
DEAD_LETTERS = "dead_letters"
MAINTENANCE = "maintenance"
# one for each channel
POLLER = "poller"
ACKNOWLEDGER = "acknowledger"
DOORBELL = "doorbell"


def of_channel(name: str, channel: str) -> str:
    """Return the logical name of the actor of this kind for one channel."""
    return f"{name}:{channel}"
