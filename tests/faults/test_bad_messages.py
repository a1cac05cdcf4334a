"""Bad answers and bad messages: a clear line or a dead letter each, and the rest of the batch unharmed."""

import json
from typing import Any

import psycopg
import pytest
import requests

from tests.support.httpstub import Answer, HttpStub, Request, json_answer
from tests.support.messages import (
    CHANNEL,
    OTHER_CHANNEL,
    expected_price,
    put,
    raw_message,
    signal_message,
    stored_signals,
)
from tests.support.stack import GatewayProcess, InnerEngine, engine_environment, eventually, running_daemon

EMPTY: dict[str, Any] = {"success": True, "data": [], "count": 0}


def page(*messages: dict[str, Any]) -> Answer:
    return json_answer({"success": True, "data": list(messages), "count": len(messages)})


def on_wire(number: int, **changes: object) -> dict[str, Any]:
    """Return message ``number`` as the gateway gives it out."""
    return {**signal_message(number), "id": f"7{number:04}", "status": "received", "caption": None, **changes}


def marked(updated: int) -> Answer:
    data = {"requested": updated, "updated": updated, "processedBy": "tp-capital"}
    return json_answer({"success": True, "message": "", "data": data})


def outcomes(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return dict(connection.execute("select message_id, outcome from signals.ledger").fetchall())


def dead_letters(dsn: str) -> dict[str, tuple[str, str, int]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            "select message_id, reason, raw, attempts from signals.dead_letters"
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def expected(*numbers: int) -> list[tuple[str, str, object]]:
    return [(CHANNEL, str(number), expected_price(number)) for number in numbers]


def last_error(engine: InnerEngine) -> str:
    return str(engine.health().get("details", {}).get("gatewayApi", {}).get("error"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(body=b"<html>It works!</html>", headers={"Content-Type": "text/html"}), "not JSON"),
        (Answer(body=b'{"success":true,"data":[{"id":"1"'), "not JSON"),
        (Answer(body=b'{"success":false,"message":"no session"}'), "no session"),
        (Answer(body=b'{"success":true,"data":{}}'), "must be a list of messages"),
        (Answer(body=b"[]"), "not a JSON object"),
        (Answer(status=503, body=b"busy"), "503"),
        (Answer(hang_up=True), "connection cut before an answer"),
        (Answer(status=302, headers={"Location": "http://127.0.0.2/"}), "redirects are refused"),
    ],
    ids=["html", "truncated", "no-success", "wrong-shape", "no-object", "503", "hang-up", "redirect"],
)
def test_a_bad_answer_is_named_and_the_next_good_one_is_read(
    database_url: str, answer: Answer, words: str
) -> None:
    with HttpStub(answer) as stub:
        environment = engine_environment(database_url, stub.url, CIRCUIT_BREAKER_MINIMUM="20")
        with running_daemon(environment) as engine:
            eventually(lambda: words in last_error(engine), what=last_error(engine))
            assert engine.health()["status"] == "degraded"
            stub.answer(json_answer(EMPTY))
            engine.wait_healthy()


def test_bad_messages_become_dead_letters_and_their_neighbours_are_stored(database_url: str) -> None:
    """Fault 3: one message that cannot be stored was retried for ever, with all of its batch."""
    messages = [
        on_wire(1),
        on_wire(2, text=signal_message(2)["text"] + "\0"),
        on_wire(3),
        on_wire(4, text=signal_message(4)["text"] + "\ud800"),
        on_wire(5),
        {key: value for key, value in on_wire(6).items() if key != "messageId"},
        on_wire(7, messageId="not a number"),
        on_wire(8, text=["a list"]),
        on_wire(9, receivedAt="yesterday"),
        on_wire(10, text="x" * 1_000_000),
        on_wire(11),
        "no object at all",
    ]
    with HttpStub(json_answer(EMPTY)) as stub:
        stub.queue(page(*messages), marked(9))  # type: ignore[arg-type]
        with running_daemon(engine_environment(database_url, stub.url)) as engine:
            engine.wait_healthy()
            eventually(lambda: len(outcomes(database_url)) == len(messages))
            assert stored_signals(database_url) == expected(1, 3, 5, 11)
            ends = outcomes(database_url)
            assert ends["10"] == "not_signal"
            letters = dead_letters(database_url)
            assert {k: v[0] for k, v in letters.items() if k in ("2", "4", "8", "9")} == {
                "2": "refused",
                "4": "refused",
                "8": "malformed",
                "9": "malformed",
            }
            # known by the gateway's id where the message's own is of no use
            assert {"id:70006", "id:70007"} <= set(letters)
            assert len(letters) == 7
            assert json.loads(letters["2"][1])["text"].endswith("\0")
            assert letters["4"][1].isascii()
            eventually(lambda: engine.detail("deadLetters", "waiting") == 7)
            acknowledged = json.loads(next(r.body for r in stub.requests if r.method == "POST"))
            # what has a usable id is acknowledged, the dead letters too
            assert sorted(map(int, acknowledged["messageIds"])) == [1, 2, 3, 4, 5, 8, 9, 10, 11]


#: where answers are queued, the acknowledgement takes its own before the next poll does
UNHURRIED = {"GATEWAY_POLLING_INTERVAL_MS": "3000"}


def test_fault_1_messages_without_text_are_acknowledged_and_do_not_block_the_queue(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, (raw_message(n, None, mediaType="photo") for n in range(1, 121)))
    put(gateway.database_url, [signal_message(121)])
    with running_daemon(engine_environment(database_url, gateway.url, GATEWAY_BATCH_SIZE="100")):
        eventually(lambda: stored_signals(database_url) == expected(121))
        assert list(outcomes(database_url).values()).count("empty") == 120


def test_fault_2_filtered_messages_are_acknowledged_with_that_outcome(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, (raw_message(n, f"PROMOÇÃO da mentoria {n}") for n in range(1, 121)))
    put(gateway.database_url, [signal_message(121)])
    environment = engine_environment(
        database_url, gateway.url, GATEWAY_BATCH_SIZE="100", TP_CAPITAL_TEXT_FILTER="promocao"
    )
    with running_daemon(environment):
        eventually(lambda: stored_signals(database_url) == expected(121))
        assert list(outcomes(database_url).values()).count("filtered") == 120


def test_fault_4_what_another_channels_acknowledgement_marked_is_found_in_the_history(
    gateway: GatewayProcess, database_url: str
) -> None:
    environment = engine_environment(
        database_url,
        gateway.url,
        TP_CAPITAL_BACKFILL_DELAY_S="0",
        GATEWAY_TAIL_CHECK_MS="1000",
        GATEWAY_POLLING_INTERVAL_MS="3600000",
    )
    put(gateway.database_url, [signal_message(1)])
    with running_daemon(environment) as engine:
        eventually(lambda: engine.health().get("details", {}).get("historicalSync", {}).get("completed"))
        # message 2 arrives and is marked by an acknowledgement meant for another channel's message 2
        put(gateway.database_url, [signal_message(2), signal_message(2, channel=OTHER_CHANNEL)])
        answer = requests.post(
            f"{gateway.url}/api/messages/mark-processed",
            json={"messageIds": ["2"], "processedBy": "tp-capital"},
            timeout=30,
        )
        assert answer.json()["data"]["updated"] == 2
        eventually(lambda: stored_signals(database_url) == expected(1, 2))
        eventually(lambda: engine.detail("historicalSync", "channels", 0, "foundByTailChecks") == 1)


def test_fault_4_an_acknowledgement_that_hit_more_rows_than_it_named_checks_the_history_at_once(
    database_url: str,
) -> None:
    history = {
        "success": True,
        "data": [],
        "pagination": {"total": 0, "limit": 501, "offset": 0, "hasMore": False},
    }
    with HttpStub(json_answer(history)) as stub:
        stub.queue(page(on_wire(1)), marked(2))
        with running_daemon(engine_environment(database_url, stub.url, **UNHURRIED)):
            eventually(lambda: any("channelId=" in request.path for request in stub.requests))


def test_fault_6_one_acknowledgement_request_a_batch(database_url: str) -> None:
    with HttpStub(json_answer(EMPTY)) as stub:
        stub.queue(page(*(on_wire(n) for n in range(1, 101))), marked(100))
        with running_daemon(engine_environment(database_url, stub.url)):
            eventually(lambda: any(request.method == "POST" for request in stub.requests))
            eventually(lambda: stub.count >= 4)
            posts = [request for request in stub.requests if request.method == "POST"]
            assert len(posts) == 1
            assert len(json.loads(posts[0].body)["messageIds"]) == 100


def test_fault_6_a_429_is_obeyed_and_is_no_failure_of_the_gateway(database_url: str) -> None:
    limited = Answer(status=429, headers={"Retry-After": "2"}, body=b'{"success":false}')
    with HttpStub(json_answer(EMPTY)) as stub:
        stub.queue(*[limited] * 1)
        with running_daemon(
            engine_environment(database_url, stub.url, CIRCUIT_BREAKER_MINIMUM="1")
        ) as engine:
            first, second = stub.wait_for_requests(2)[:2]
            assert second.at - first.at >= 2.0
            assert engine.metric('tpcapital_breaker_state{channel="-1001649127710",state="closed"}') == 1


def test_fault_9_the_same_text_twice_is_two_signals_and_the_same_id_twice_is_one(
    gateway: GatewayProcess, database_url: str
) -> None:
    twin = {**signal_message(1), "messageId": "2"}
    put(gateway.database_url, [signal_message(1), twin])
    again = {**signal_message(1), "id": "another row", "telegramDate": "2026-01-01T00:00:00Z"}
    put(gateway.database_url, [again])
    with running_daemon(engine_environment(database_url, gateway.url)) as engine:
        eventually(lambda: len(stored_signals(database_url)) == 2)
        eventually(lambda: engine.detail("pollingWorker", "channels", 0, "lastPoll") == "empty")
        assert stored_signals(database_url) == [
            (CHANNEL, "1", expected_price(1)),
            (CHANNEL, "2", expected_price(1)),
        ]


def test_fault_11_a_completed_history_is_not_read_again_after_a_restart(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, (signal_message(n) for n in range(1, 6)))
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_BACKFILL_DELAY_S="0")
    entries = []
    for _ in range(2):
        with running_daemon(environment) as engine:
            eventually(lambda: engine.health().get("details", {}).get("historicalSync", {}).get("completed"))
            entries.append(engine.get("/signals?type=historical_sync").json()["data"])
            listed = [signal["id"] for signal in engine.get("/signals").json()["data"]]
            assert listed.count(0) == 1
            assert listed[-1] == 0
    assert len(entries[0]) == 1
    assert entries[0] == entries[1]
    assert json.loads(entries[0][0]["raw_message"]) == {"totalSynced": 5, "batches": 1}


def test_fault_12_history_is_not_completed_while_its_source_is_down(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, (signal_message(n) for n in range(1, 6)))
    gateway.kill()
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_BACKFILL_DELAY_S="0")
    with running_daemon(environment) as engine:
        eventually(lambda: engine.check("historicalSync") == "degraded")
        assert engine.get("/signals?type=historical_sync").json()["data"] == []
        gateway.start()
        eventually(lambda: engine.detail("historicalSync", "completed"))
        engine.wait_healthy()


def test_fault_28_an_id_the_gateway_refuses_does_not_spoil_the_acknowledgement_of_the_others(
    database_url: str,
) -> None:
    refused = json_answer({"success": False, "message": "bad id"}, status=500)
    polls = iter([page(on_wire(1), on_wire(2))])

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            # both together fail, then each alone: one is taken, the other is what was wrong
            return marked(1) if json.loads(request.body)["messageIds"] == ["1"] else refused
        return next(polls, json_answer(EMPTY)) if "unprocessed" in request.path else json_answer(EMPTY)

    with HttpStub() as stub:
        stub.answer_by(answer)
        with running_daemon(engine_environment(database_url, stub.url)) as engine:
            eventually(lambda: stub.count >= 6)
            sent = [
                json.loads(request.body)["messageIds"]
                for request in stub.requests
                if request.method == "POST"
            ]
            assert sent[:3] == [["1", "2"], ["1"], ["2"]]
            eventually(lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 1)
            # the page asked for grows by what cannot be acknowledged, so that it never fills up with it
            eventually(lambda: any("limit=101" in request.path for request in stub.requests))


def test_a_reprocess_request_reads_the_edited_text_and_keeps_the_earlier_signal_in_history(
    gateway: GatewayProcess, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.poller.REPROCESS_EVERY_S", 0.3)
    put(gateway.database_url, [signal_message(1)])
    with running_daemon(engine_environment(database_url, gateway.url)):
        eventually(lambda: stored_signals(database_url) == expected(1))
        row = requests.get(f"{gateway.url}/api/messages", params={"channelId": CHANNEL}, timeout=30).json()[
            "data"
        ][0]
        url = f"{gateway.url}/api/messages/{row['id']}/reprocess"
        assert requests.post(url, json={"text": signal_message(2)["text"]}, timeout=30).ok
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "1", expected_price(2))])
    with psycopg.connect(database_url, autocommit=True) as connection:
        history = connection.execute("select buy_min from signals.signals_history").fetchall()
    assert history == [(expected_price(1),)]
