"""What is read live: edits, deletions and messages in any order, and what consumers are told of them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.gateway.database import apply_schema, open_database
from ops.gateway.incoming import Change, Gone, Posted, Written, write_changes
from ops.gateway.outbox import Outbox
from ops.gateway.records import MessageRecord
from storage.postgres.database import Database

CHANNEL = "-1001649127710"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(shared_gateway: Any) -> Iterator[Database]:
    with open_database(shared_gateway.database_url) as opened:
        yield opened


def posted(text: str, minute: int = 0, number: str = "7", channel: str = CHANNEL, **more: bool) -> Posted:
    record = MessageRecord(channel_id=channel, message_id=number, text=text, telegram_date=NOON)
    return Posted(record=record, version_at=NOON + timedelta(minutes=minute), **more)


def gone(*numbers: str, channel: str | None = CHANNEL) -> Gone:
    return Gone(channel_id=channel, message_ids=numbers or ("7",))


def write(database: Database, *changes: Change) -> Written:
    return database.write(lambda cursor: write_changes(cursor, changes))


def test_a_message_and_its_edit_are_two_deliveries_and_an_edit_of_nothing_is_none(
    gateway: Any, database: Database
) -> None:
    assert write(database, posted("one")).new == 1
    assert write(database, posted("one"), posted("one", minute=3)).total == 0
    assert write(database, posted("two", minute=5)).edited == 1
    assert write(database, posted("late", minute=4)).total == 0
    assert write(database, posted("one", minute=6)).edited == 1, "a text may come back"
    rows = gateway.unprocessed(deleted="true")
    assert [(row["text"], row["updatedAt"][11:16]) for row in rows] == [
        ("one", "12:00"),
        ("two", "12:05"),
        ("one", "12:06"),
    ]


def test_a_deletion_is_told_once_to_each_consumer_with_the_last_text(
    gateway: Any, database: Database
) -> None:
    write(database, posted("one"), posted("two", minute=1))
    read = [{"id": row["id"], "updatedAt": row["updatedAt"]} for row in gateway.unprocessed()]
    gateway.mark("7", read=read)
    assert gateway.unprocessed(deleted="true") == []
    assert write(database, gone(), gone()).deleted == 1

    assert gateway.unprocessed() == [], "only who asks is told"
    assert [row["text"] for row in gateway.get("/api/messages").json()["data"]] == []
    for consumer in ("tp-capital", "other"):
        (row,) = gateway.unprocessed(consumer, deleted="true")
        assert (row["text"], row["status"], row["messageId"]) == ("two", "deleted", "7")
        assert row["updatedAt"] > "2026-11-02T12:01:00.000Z"
        marked = gateway.mark("7", consumer=consumer, read=[{"id": row["id"], "updatedAt": row["updatedAt"]}])
        assert (marked["updated"], marked["left"]) == (1, [])
        assert gateway.unprocessed(consumer, deleted="true") == []
    (row,) = gateway.get("/api/messages", deleted="true").json()["data"]
    assert (row["text"], row["status"]) == ("two", "deleted")


def test_a_mark_of_the_text_does_not_mark_the_deletion_that_came_meanwhile(
    gateway: Any, database: Database
) -> None:
    write(database, posted("one"))
    (row,) = gateway.unprocessed()
    write(database, gone())
    marked = gateway.mark("7", read=[{"id": row["id"], "updatedAt": row["updatedAt"]}])
    assert marked["left"] == [row["id"]]
    assert [row["status"] for row in gateway.unprocessed(deleted="true")] == ["deleted"]


def test_outside_channels_a_deletion_names_no_chat(gateway: Any, database: Database) -> None:
    group = "-4001"
    newer = "-1012345678901"  # ids of channels grow beyond -100 and ten digits
    write(database, *(posted("here", channel=each) for each in (CHANNEL, newer, group)))
    assert write(database, gone("7", "8", channel=None)).deleted == 1
    assert [row["status"] for row in gateway.unprocessed(channel=group, deleted="true")] == ["deleted"]
    for channel in (CHANNEL, newer):
        assert [row["status"] for row in gateway.unprocessed(channel=channel, deleted="true")] == ["received"]


def test_an_item_of_an_album_changes_only_a_row_that_is_there(gateway: Any, database: Database) -> None:
    assert write(database, posted("none", only_if_known=True)).total == 0
    write(database, posted("one"))
    assert write(database, posted("two", minute=1, only_if_known=True)).edited == 1


CHANGES = (posted("one"), posted("two", minute=1), posted("three", minute=2), gone())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(CHANGES), max_size=4).flatmap(lambda more: st.permutations([*CHANGES, *more])),
    st.integers(1, 3),
)
def test_any_order_of_changes_ends_with_the_latest_text_deleted(
    shared_gateway: Any, database: Database, changes: Sequence[Change], batch: int
) -> None:
    shared_gateway.execute("TRUNCATE telegram_gateway.messages CASCADE")
    for start in range(0, len(changes), batch):
        write(database, *changes[start : start + batch])
    rows = shared_gateway.unprocessed(deleted="true")
    assert [(row["text"], row["status"]) for row in rows] == [("three", "deleted")]


def test_a_deletion_goes_through_the_outbox_too(gateway: Any, database: Database) -> None:
    apply_schema(database, outbox=True)
    try:
        write(database, posted("one"))
        write(database, gone())
        write(database, gone("8"))
        told = [orjson.loads(message.body) for message in Outbox(database).pending(10).messages]
        assert {(one["messageId"], one["text"], one["status"]) for one in told} == {("7", "one", "deleted")}
    finally:
        apply_schema(database, outbox=False)
