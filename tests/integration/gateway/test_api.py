"""The contract's endpoints, over HTTP, on a real PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import requests

CHANNEL = "-1001649127710"
OTHER = "-1002000000001"
KEYS = {
    "id", "channelId", "messageId", "threadId", "source", "messageType", "text", "caption", "mediaType",
    "mediaRefs", "status", "receivedAt", "telegramDate", "publishedAt", "metadata", "createdAt", "updatedAt",
}  # fmt: skip

pytestmark = pytest.mark.integration


def test_message_has_the_contract_s_keys_and_times_in_utc(gateway: Any) -> None:
    gateway.put({"messageId": 7, "text": "x", "telegramDate": "2025-11-12T10:04:31-03:00"})
    (message,) = gateway.unprocessed()
    assert set(message) == KEYS | {"processedBy", "processed_by"}
    assert (message["messageId"], message["telegramDate"]) == ("7", "2025-11-12T13:04:31.000Z")
    assert isinstance(message["id"], str)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["receivedAt"])
    assert (message["mediaRefs"], message["metadata"], message["publishedAt"]) == ([], {}, None)


def test_a_number_longer_than_64_bits_holds_up_no_other_message(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"}, {"messageId": "2", "text": "y"})
    long = f"{2**64}.{2**64}"
    gateway.execute(
        "update telegram_gateway.messages set metadata = %s, media_refs = %s where message_id = '1'",
        f'{{"n": {long}}}',
        f"[{2**64}]",
    )
    answer = gateway.get("/api/messages/unprocessed", channel=CHANNEL)
    first, second = json.loads(answer.text, parse_float=str)["data"]
    assert (first["metadata"], first["mediaRefs"], second["text"]) == ({"n": long}, [2**64], "y")


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
def test_every_endpoint_stands_unversioned_and_versioned(gateway: Any, prefix: str) -> None:
    gateway.put({"messageId": "1", "text": "x"})
    listed = gateway.get(f"{prefix}/messages/unprocessed", channel=CHANNEL).json()
    assert (listed["success"], listed["count"]) == (True, 1)
    assert listed["filters"]["channel"] == CHANNEL
    row = listed["data"][0]["id"]
    assert gateway.get(f"{prefix}/messages/{row}").json()["data"]["messageId"] == "1"
    marked = gateway.post(f"{prefix}/messages/mark-processed", {"messageIds": ["1"], "processedBy": "a"})
    assert marked.json()["data"] == {"requested": 1, "updated": 1, "processedBy": "a"}
    assert gateway.get(f"{prefix}/messages").json()["pagination"]["total"] == 1
    assert gateway.post(f"{prefix}/messages/{row}/reprocess").json()["data"]["status"] == "reprocess_pending"
    synced = gateway.post(f"{prefix}/telegram-gateway/sync-messages", {"limit": 500}).json()
    assert synced["data"] == {
        "totalMessagesSynced": 0, "totalMessagesSaved": 0, "channelsSynced": [CHANNEL],
    }  # fmt: skip
    assert gateway.get("/health").json()["status"] == "healthy"


def test_unprocessed_is_ordered_by_receipt_and_limited(gateway: Any) -> None:
    gateway.put(
        {"messageId": "3", "text": "c", "receivedAt": "2025-11-03T00:00:00Z"},
        {"messageId": "1", "text": "a", "receivedAt": "2025-11-01T00:00:00Z"},
        {"messageId": "2", "text": "b", "receivedAt": "2025-11-01T00:00:00Z"},
        {"messageId": "4", "text": "d", "receivedAt": "2025-10-01T00:00:00Z", "status": "failed"},
        {"messageId": "5", "channelId": OTHER, "text": "e"},
    )
    assert [m["messageId"] for m in gateway.unprocessed()] == ["1", "2", "3"]
    assert [m["messageId"] for m in gateway.unprocessed(limit=2)] == ["1", "2"]
    assert [m["messageId"] for m in gateway.unprocessed(status="failed")] == ["4"]
    assert (
        gateway.get("/api/messages/unprocessed", channel=CHANNEL, limit=99999).json()["filters"]["limit"]
        == 10000
    )


def test_marked_message_is_published_and_names_its_consumer(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"})
    before = gateway.unprocessed()[0]
    assert gateway.mark("1")["updated"] == 1
    assert gateway.unprocessed() == []
    message = gateway.get(f"/api/messages/{before['id']}").json()["data"]
    assert (message["status"], message["processed_by"], message["processedBy"]) == (
        "published", "tp-capital", ["tp-capital"],
    )  # fmt: skip
    assert message["publishedAt"] is not None
    assert message["updatedAt"] == before["updatedAt"], "a mark is no edit"


def test_fault_04_marking_with_a_channel_leaves_the_same_message_id_elsewhere_alone(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"}, {"messageId": "1", "text": "y", "channelId": OTHER})
    assert gateway.mark("1", channelId=CHANNEL)["updated"] == 1
    assert [m["text"] for m in gateway.unprocessed(channel=OTHER)] == ["y"]
    assert gateway.mark("1")["updated"] == 2, "without a channel it is as with the real one"
    assert gateway.unprocessed(channel=OTHER) == []


def test_fault_05_two_consumers_do_not_disturb_each_other(gateway: Any) -> None:
    gateway.put(
        *({"messageId": str(n), "text": f"t{n}", "status": s} for n, s in enumerate(["received", "queued"]))
    )
    gateway.mark("0", "1", consumer="alpha")
    assert gateway.unprocessed("alpha") == []
    assert [m["messageId"] for m in gateway.unprocessed("zulu")] == ["0", "1"]
    assert [m["messageId"] for m in gateway.unprocessed("aaa")] == ["0", "1"]
    assert gateway.unprocessed("zulu", status="failed") == []
    gateway.mark("0", consumer="zulu")
    assert [m["messageId"] for m in gateway.unprocessed("zulu")] == ["1"]
    assert gateway.unprocessed("alpha") == []
    first = gateway.get("/api/messages", sort="asc").json()["data"][0]
    assert (first["processedBy"], first["processed_by"]) == (["alpha", "zulu"], "zulu")


def test_what_the_gateway_s_own_publisher_published_is_processed_for_all(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x", "status": "published"})
    assert gateway.unprocessed() == []
    gateway.mark("1", consumer="other")
    assert gateway.unprocessed() == []


def test_fault_06_many_requests_are_not_refused(gateway: Any) -> None:
    with requests.Session() as session:
        codes = {session.get(gateway.url + "/api/messages/1", timeout=30).status_code for _ in range(400)}
    assert codes == {404}


def test_fault_07_marking_uses_an_index_on_the_message_id(gateway: Any) -> None:
    gateway.execute(
        "INSERT INTO telegram_gateway.messages (channel_id, message_id, text)"
        " SELECT '-1001649127710', n::text, 'x' FROM generate_series(1, 5000) n"
    )
    gateway.execute("ANALYZE telegram_gateway.messages")
    with psycopg.connect(gateway.database_url) as conn:
        rows = conn.execute(
            "EXPLAIN SELECT id FROM telegram_gateway.messages WHERE message_id = ANY(%s)", (["7", "9"],)
        ).fetchall()
    assert "messages_message_id" in str(rows)


def test_reprocess_shows_a_processed_message_until_it_is_marked_again(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "old"})
    gateway.mark("1")
    (row,) = gateway.get("/api/messages").json()["data"]
    asked = gateway.post(f"/api/messages/{row['id']}/reprocess", {"text": "new"}).json()["data"]
    assert (asked["status"], asked["processed_by"], asked["text"]) == (
        "reprocess_pending",
        "tp-capital",
        "new",
    )
    assert asked["updatedAt"] > row["updatedAt"]
    assert gateway.unprocessed(status="reprocess_pending") == []
    assert gateway.unprocessed(None) == []
    assert [m["text"] for m in gateway.unprocessed(None, status="reprocess_pending")] == ["new"]
    assert [m["text"] for m in gateway.unprocessed("other")] == ["new"], "the other never had it"
    gateway.mark("1")
    assert gateway.unprocessed(None, status="reprocess_pending") == []


def test_reprocess_of_a_photo_edits_its_caption(gateway: Any) -> None:
    gateway.put({"messageId": "1", "caption": "old", "mediaType": "photo"})
    row = gateway.unprocessed()[0]["id"]
    message = gateway.post(f"/api/messages/{row}/reprocess", {"text": "new"}).json()["data"]
    assert (message["text"], message["caption"]) == (None, "new")


def test_same_message_may_stand_twice(gateway: Any) -> None:
    gateway.put({"id": "a", "messageId": "1", "text": "x"}, {"id": "b", "messageId": "1", "text": "x"})
    assert [m["messageId"] for m in gateway.unprocessed()] == ["1", "1"]
    assert gateway.mark("1") == {"requested": 1, "updated": 2, "processedBy": "tp-capital"}


def history_ids(gateway: Any, **params: Any) -> list[str]:
    return [m["messageId"] for m in gateway.get("/api/messages", **params).json()["data"]]


def test_history_orders_by_telegram_date_with_undated_last_or_first(gateway: Any) -> None:
    gateway.put(
        {"messageId": "2", "text": "Petr4 50% _", "telegramDate": "2025-11-02T00:00:00Z"},
        {"messageId": "9", "text": "undated"},
        {"messageId": "1", "caption": "PETR4", "telegramDate": "2025-11-01T00:00:00Z"},
        {"messageId": "8", "text": "gone", "status": "deleted", "telegramDate": "2025-11-01T00:00:00Z"},
        {"messageId": "3", "text": "x", "channelId": OTHER, "telegramDate": "2025-11-03T00:00:00Z"},
    )
    assert history_ids(gateway, channelId=CHANNEL, sort="asc") == ["1", "2", "9"]
    assert history_ids(gateway, channelId=CHANNEL, sort="desc") == ["9", "2", "1"]
    assert history_ids(gateway, sort="asc", limit=2, offset=1) == ["2", "3"]
    assert history_ids(gateway, search="petr4", sort="asc") == ["1", "2"]
    assert history_ids(gateway, search="50% _") == ["2"]
    assert history_ids(gateway, search="5__") == []
    assert history_ids(gateway, status="deleted") == []


def test_history_compares_from_and_to_with_receipt_to_the_millisecond(gateway: Any) -> None:
    gateway.put(
        {"messageId": "1", "text": "a", "receivedAt": "2025-11-01T10:00:00.123456Z"},
        {"messageId": "2", "text": "b", "receivedAt": "2025-11-01T11:00:00Z"},
    )
    shown = gateway.unprocessed()[0]["receivedAt"]
    assert shown == "2025-11-01T10:00:00.123Z"
    assert history_ids(gateway, **{"from": shown, "to": shown}) == ["1"]
    assert history_ids(gateway, **{"from": "2025-11-01T07:30:00-03:00"}) == ["2"]
    answer = requests.get(gateway.url + "/api/messages?from=2025-11-01T11:30:00+01:00", timeout=30)
    assert [m["messageId"] for m in answer.json()["data"]] == ["2"], "an unescaped plus"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/messages/unprocessed", {}),
        ("/api/messages/unprocessed", {"channel": "abc"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "limit": "0"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "limit": "x"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "status": "nonsense"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "wait": "soon"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "wait": "nan"}),
        ("/api/messages/unprocessed", {"channel": CHANNEL, "excludeProcessedBy": "a\0b"}),
        ("/api/messages", {"channelId": "1; DROP TABLE"}),
        ("/api/messages", {"from": "yesterday"}),
        ("/api/messages", {"to": "9999-12-31T23:59:59Z"}),
        ("/api/messages", {"offset": "-1"}),
        ("/api/messages", {"sort": "up"}),
        ("/api/messages", {"search": "\0"}),
        ("/api/messages/abc", {}),
        ("/api/messages/-1", {}),
        ("/api/messages/٣", {}),
    ],
)
def test_fault_28_bad_input_is_400_with_words(gateway: Any, path: str, params: dict[str, str]) -> None:
    answer = gateway.get(path, **params)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["message"]


def test_fault_28_one_bad_id_does_not_fail_the_acknowledgement(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"}, {"messageId": "2", "text": "y"})
    data = gateway.mark("1", "not-a-number", "99999999999999999999999")
    assert (data["requested"], data["updated"]) == (3, 1)
    answer = gateway.post(
        "/api/messages/mark-processed",
        {"messageIds": [None, {}, True, "a\0", 2], "processedBy": "tp-capital"},
    )
    assert answer.json()["data"] == {"requested": 5, "updated": 1, "processedBy": "tp-capital", "unusable": 4}


def test_fault_28_total_is_right_past_the_end(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"}, {"messageId": "2", "text": "y"})
    answer = gateway.get("/api/messages", limit=1, offset=50).json()
    assert answer["data"] == []
    assert answer["pagination"] == {"total": 2, "limit": 1, "offset": 50, "hasMore": False}
    assert gateway.get("/api/messages", limit=1).json()["pagination"]["hasMore"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"messageIds": [], "processedBy": "a"},
        {"messageIds": "1", "processedBy": "a"},
        {"messageIds": [None], "processedBy": "a"},
        {"messageIds": ["1"]},
        {"messageIds": ["1"], "processedBy": "a", "channelId": "abc"},
        {"messageIds": ["1"] * 10_001, "processedBy": "a"},
        {"messageIds": ["1"], "processedBy": "a", "read": ["1"]},
        {"messageIds": ["1"], "processedBy": "a", "read": [{"id": "1", "updatedAt": 1_700_000_000}]},
        ["1"],
    ],
)
def test_bad_mark_is_400(gateway: Any, body: Any) -> None:
    answer = gateway.post("/api/messages/mark-processed", body)
    assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_bad_bodies_and_paths_are_answered_in_json(gateway: Any) -> None:
    url = gateway.url + "/api/messages/mark-processed"
    json = {"Content-Type": "application/json"}
    broken = requests.post(url, data=b'{"messageIds": ["1"', headers=json, timeout=30)
    surrogate = requests.post(
        url, data=b'{"processedBy": "\\ud800", "messageIds": ["1"]}', headers=json, timeout=30
    )
    large = requests.post(url, data=b" " * 5_000_000, headers=json, timeout=30)
    unknown = gateway.get("/api/nothing")
    wrong_method = gateway.post("/api/messages/unprocessed")
    missing = gateway.get("/api/messages/9223372036854775807")
    beyond = gateway.get("/api/messages/9223372036854775808")
    answers = [broken, surrogate, large, unknown, wrong_method, missing, beyond]
    assert [a.status_code for a in answers] == [400, 400, 413, 404, 405, 404, 404]
    assert all(a.json()["success"] is False for a in answers)


def test_key_is_asked_for_in_either_header(gateway: Any, start_gateway: Callable[..., Any]) -> None:
    guarded = start_gateway(gateway.database_url, "gehéim")
    url = guarded.url + "/api/messages"
    cases: list[tuple[dict[str, str | bytes], int]] = [
        ({}, 401),
        ({"X-API-Key": "wrong"}, 403),
        ({"X-API-Key": "gehéim".encode()}, 200),
        ({"X-Gateway-Token": "gehéim".encode()}, 200),
        ({"X-API-Key": "wrong", "X-Gateway-Token": "gehéim".encode()}, 200),
    ]
    for headers, status in cases:
        answer = requests.get(url, headers=headers, timeout=30)
        assert answer.status_code == status
        assert answer.json()["success"] is (status == 200)
    assert requests.get(guarded.url + "/health", timeout=30).status_code == 200


def test_fault_85_a_row_that_is_not_as_it_was_read_is_left_and_named(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"}, {"messageId": "2", "text": "y"})
    first, second = gateway.get("/api/messages/unprocessed", channel=CHANNEL).json()["data"]
    read = [{key: row[key] for key in ("id", "updatedAt", "status")} for row in (first, second)]
    read[1]["updatedAt"] = "2020-01-01T00:00:00.000Z"
    body = {"messageIds": ["1", "2"], "processedBy": "a", "channelId": CHANNEL, "read": read}
    data = gateway.post("/api/messages/mark-processed", body).json()["data"]
    assert (data["updated"], data["left"]) == (1, [second["id"]])
    listed = gateway.get("/api/messages/unprocessed", channel=CHANNEL).json()["data"]
    assert second["id"] in [row["id"] for row in listed]


def test_fault_85_a_mark_on_another_text_is_taken_back(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"})
    (row,) = gateway.get("/api/messages/unprocessed", channel=CHANNEL).json()["data"]
    read = {key: row[key] for key in ("id", "updatedAt", "status")}
    body = {"messageIds": ["1"], "processedBy": "a", "channelId": CHANNEL, "read": [read]}
    path = "/api/messages/mark-processed"
    assert gateway.post(path, body).json()["data"] == {
        "requested": 1, "updated": 1, "processedBy": "a", "left": [],
    }  # fmt: skip
    # repeated after a lost answer: the same text stays marked, another one is given back
    assert gateway.post(path, body).json()["data"]["left"] == []
    body["read"] = [read | {"updatedAt": "2020-01-01T00:00:00.000Z"}]
    assert gateway.post(path, body).json()["data"]["left"] == [row["id"]]
    listed = gateway.get("/api/messages/unprocessed", channel=CHANNEL).json()["data"]
    assert [(again["id"], again["status"]) for again in listed] == [(row["id"], "received")]


def test_fault_85_a_row_that_is_to_be_read_again_stays_so_for_who_read_it_before(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"})
    (row,) = gateway.get("/api/messages/unprocessed", channel=CHANNEL).json()["data"]
    gateway.post(f"/api/messages/{row['id']}/reprocess")
    body = {
        "messageIds": ["1"],
        "processedBy": "a",
        "channelId": CHANNEL,
        "read": [{"id": row["id"], "status": "received"}],
    }
    assert gateway.post("/api/messages/mark-processed", body).json()["data"]["left"] == [row["id"]]
    assert gateway.get(f"/api/messages/{row['id']}").json()["data"]["status"] == "reprocess_pending"


def test_a_second_row_of_a_message_is_marked_only_for_who_has_read_it(gateway: Any) -> None:
    """Its text may be another one, and a mark by the message's id would hide it unread."""
    gateway.put({"messageId": "1", "text": "x"})
    (first,) = gateway.unprocessed("a")
    gateway.execute(
        "insert into telegram_gateway.messages (channel_id, message_id, text, source, status, received_at)"
        " select channel_id, message_id, 'another', source, status, received_at"
        " from telegram_gateway.messages where id = %s::bigint",
        first["id"],
    )

    def mark(*rows: Any) -> tuple[int, list[str]]:
        read = [{key: row[key] for key in ("id", "updatedAt", "status")} for row in rows]
        data = gateway.mark("1", consumer="a", channelId=CHANNEL, read=read)
        return data["updated"], data["left"]

    _, second = gateway.unprocessed("a")
    assert mark(first) == (1, [second["id"]])
    assert [row["id"] for row in gateway.unprocessed("a")] == [second["id"]], "it is still listed"
    assert mark(second) == (1, []), "the first, which was marked before, is not named"
    assert gateway.unprocessed("a") == []
    assert mark(first, second) == (2, []), "marking both once more changes nothing"
    # who does not say what it read gets all rows of the message
    assert [row["text"] for row in gateway.unprocessed("b")] == ["x", "another"]
    assert gateway.mark("1", consumer="b", channelId=CHANNEL)["updated"] == 2
