"""Second looks that are owed: one promise a daemon, taken over once it is gone."""

from datetime import timedelta
from typing import Any

from storage.postgres.daemons import Daemons
from storage.postgres.database import Database
from storage.postgres.second_looks import Promise, SecondLooks
from tests.support.clock import START

CHANNEL = "-1001"
LATER = START + timedelta(hours=1)


def promise(*, owner: str = "a", until: Any = LATER, own: bool = False, orphaned: bool = False) -> Promise:
    return Promise(owner=owner, since=START, until=until, own=own, orphaned=orphaned)


def age(database: Database) -> None:
    """Let promises and leases be a minute old."""

    def work(cursor: Any) -> None:
        cursor.execute(f"update {database.schema}.second_looks set promised_at = now() - interval '1 minute'")
        cursor.execute(f"update {database.schema}.daemons set seen_at = now() - interval '1 minute'")

    database.write(work)


def test_a_promise_grows_over_all_that_is_owed_and_ends_when_it_is_kept(database: Database) -> None:
    looks = SecondLooks(database, daemon_id="a")
    looks.promise(CHANNEL, START, START)
    looks.promise(CHANNEL, LATER, LATER)
    assert looks.promised(CHANNEL) == (promise(own=True),)
    assert looks.promised("-1002") == ()
    looks.keep(CHANNEL)
    assert looks.promised(CHANNEL) == ()


def test_a_promise_is_an_orphan_only_when_its_daemons_lease_is_over(database: Database) -> None:
    dead, heir = SecondLooks(database, daemon_id="a"), SecondLooks(database, daemon_id="b")
    lease = Daemons(database, daemon_id="a", place="host pid 1")
    lease.beat()
    dead.promise(CHANNEL, START, LATER)
    assert heir.promised(CHANNEL) == (promise(),)
    age(database)
    assert heir.promised(CHANNEL) == (promise(orphaned=True),)
    assert dead.promised(CHANNEL) == (promise(own=True),), "one's own is no orphan"
    lease.beat()
    assert heir.promised(CHANNEL) == (promise(),), "it lives after all"


def test_who_settles_an_orphans_promise_keeps_its_own(database: Database) -> None:
    dead, heir = SecondLooks(database, daemon_id="a"), SecondLooks(database, daemon_id="b")
    dead.promise(CHANNEL, START, LATER)
    heir.promise(CHANNEL, START, LATER)
    age(database)
    heir.settle(CHANNEL, "a")
    assert heir.promised(CHANNEL) == (promise(owner="b", own=True),)
