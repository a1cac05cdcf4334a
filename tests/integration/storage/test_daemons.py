"""Leases of daemons: a second one started by mistake is seen, one that is gone is not."""

from collections.abc import Callable
from typing import Any

import pytest

from storage.postgres.daemons import Daemons
from storage.postgres.database import Database

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]


def test_one_daemon_sees_no_other(database: Database) -> None:
    daemon = Daemons(database, daemon_id="a", place="host pid 1")
    assert daemon.beat() == ()
    assert daemon.beat() == ()


def test_two_daemons_see_each_other(database: Database) -> None:
    first = Daemons(database, daemon_id="a", place="host pid 1")
    second = Daemons(database, daemon_id="b", place="host pid 2")
    first.beat()
    second.beat()
    assert first.beat() == ("host pid 2",)
    assert second.beat() == ("host pid 1",)


@pytest.mark.parametrize(
    ("own", "other", "disturbs"),
    [
        ("all", "ingest", True),
        ("ingest", "all", True),
        ("ingest", "ingest", False),
        ("all", "serve", False),
        ("serve", "all", False),
    ],
)
def test_only_daemons_that_do_the_same_work_disturb_each_other(
    database: Database, own: str, other: str, disturbs: bool
) -> None:
    first = Daemons(database, daemon_id="a", place="host pid 1", role=own)
    second = Daemons(database, daemon_id="b", place="host pid 2", role=other)
    first.beat()
    second.beat()
    assert first.beat() == (("host pid 2",) if disturbs else ())


def test_the_lease_that_a_killed_daemon_left_is_no_other_daemon(database: Database) -> None:
    Daemons(database, daemon_id="killed", place="host pid 1").beat()
    again = Daemons(database, daemon_id="again", place="host pid 2")
    assert again.beat() == ()
    assert again.beat() == ()


def test_a_daemon_that_left_is_no_longer_seen(database: Database) -> None:
    first = Daemons(database, daemon_id="a", place="host pid 1")
    second = Daemons(database, daemon_id="b", place="host pid 2")
    first.beat()
    second.beat()
    second.leave()
    assert first.beat() == ()


def test_a_lease_ends_by_the_databases_clock(database: Database, ask: Ask) -> None:
    first = Daemons(database, daemon_id="a", place="host pid 1")
    second = Daemons(database, daemon_id="b", place="host pid 2")
    first.beat()
    second.beat()
    ask("update daemons set started_at = started_at - interval '1 hour'")
    ask("update daemons set seen_at = now() - interval '29 seconds' where daemon_id = 'b'")
    assert first.beat() == ("host pid 2",)
    ask("update daemons set seen_at = now() - interval '31 seconds' where daemon_id = 'b'")
    assert first.beat() == ()
    second.beat()
    assert first.beat() == ("host pid 2",)


def test_old_leases_are_tidied_away(database: Database, ask: Ask) -> None:
    Daemons(database, daemon_id="old", place="host pid 1").beat()
    ask("update daemons set seen_at = now() - interval '25 hours'")
    Daemons(database, daemon_id="new", place="host pid 2").beat()
    assert ask("select daemon_id from daemons") == [{"daemon_id": "new"}]
