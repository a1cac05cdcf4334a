"""The maintenance as a child of the supervisor."""

from __future__ import annotations

import functools
from random import Random

from actors.maintenance import Maintenance
from actors.names import MAINTENANCE
from engine.spec import ChildSpec
from ops.stores import Stores
from storage.legacy.rounds import LegacyRounds
from storage.postgres.retention import Retention
from storage.postgres.standing_rounds import StandingRounds

__all__ = ["maintenance_spec"]


def maintenance_spec(stores: Stores) -> ChildSpec:
    """Return the spec of the actor that keeps what time changes."""
    database, ledger = stores.database, stores.ledger
    factory = functools.partial(
        Maintenance.start,
        retention=Retention(database),
        old_rows=LegacyRounds(database, ledger),
        standings=StandingRounds(database, ledger, now=database.now),
        bars=stores.bar_retention(),
        random=Random(),  # noqa: S311 - jitter, not cryptography
    )
    return ChildSpec(name=MAINTENANCE, factory=factory, parkable=True)
