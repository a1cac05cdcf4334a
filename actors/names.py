"""The logical names of all actors. An actor that exists once per channel adds a colon and the channel."""

from engine.spec import SUPERVISOR

__all__ = [
    "ACKNOWLEDGER",
    "ANNOUNCER",
    "AUDITOR",
    "BACKFILL",
    "BELL",
    "CACHE",
    "CHANNELS",
    "CONSUMER",
    "DEAD_LETTERS",
    "DOORBELL",
    "ENRICHER",
    "HEALTH",
    "HISTORY_REQUESTS",
    "JOBS",
    "LEASES",
    "MAINTENANCE",
    "NOTIFIER",
    "PARSER",
    "POLLER",
    "QUOTES",
    "RESPONDER",
    "STREAM",
    "SUPERVISOR",
    "WRITER",
    "job_of",
    "of_channel",
]

PARSER = "parser"
WRITER = "writer"
CACHE = "cache"
BELL = "bell"
STREAM = "stream"
HEALTH = "health"
RESPONDER = "responder"
CHANNELS = "channels"
ANNOUNCER = "announcer"
NOTIFIER = "notifier"
CONSUMER = "consumer"
ENRICHER = "enricher"
LEASES = "leases"
QUOTES = "quotes"
BACKFILL = "backfill"
HISTORY_REQUESTS = "history_requests"
AUDITOR = "auditor"
DEAD_LETTERS = "dead_letters"
MAINTENANCE = "maintenance"
# one actor per channel
POLLER = "poller"
ACKNOWLEDGER = "acknowledger"
DOORBELL = "doorbell"
#: the work that one daemon of a database is enough for, named after its actors
JOBS = frozenset({POLLER, BACKFILL, AUDITOR, DEAD_LETTERS, MAINTENANCE})


def of_channel(name: str, channel: str) -> str:
    """Return the logical name of a channel's own actor."""
    return f"{name}:{channel}"


def job_of(name: str) -> str | None:
    """Return the job of an actor, or None when each daemon needs an actor of its own.

    >>> job_of("poller:-1001"), job_of("doorbell:-1001"), job_of("acknowledger:-1001")
    ('poller', 'poller', None)
    """
    kind = name.partition(":")[0]
    job = POLLER if kind == DOORBELL else kind
    return job if job in JOBS else None
