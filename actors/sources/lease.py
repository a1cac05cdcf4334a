"""Whether this daemon may do the work of an actor now."""

from __future__ import annotations

from actors.names import LEASES, job_of
from actors.shown.snapshots import LeasesSnapshot
from engine.snapshot import Snapshots
from storage.postgres.leases import LEASE_S

__all__ = ["may_work"]


def may_work(snapshots: Snapshots, name: str, now_s: float) -> bool:
    """Return whether the job of the actor ``name`` is ours. Without a lease keeper every job is.

    A lease ends by itself. So a process that was frozen for longer notices here that others may have its job by now.
    """
    job, shown = job_of(name), snapshots.read(LEASES, LeasesSnapshot)
    return job is None or shown is None or (job in shown.value.held and now_s - shown.value.asked_s < LEASE_S)
