"""Gateways with and without a key, and what else may answer at the address."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import psycopg
import pytest

from ops.doctor.findings import CheckStatus
from ops.doctor.gateway import examine_gateway
from ops.gateway.importer import import_messages
from ops.local.postgres import LocalPostgres
from tests.integration.doctor.conftest import Around, Look
from tests.support.httpstub import Answer, HttpStub, json_answer
from tests.support.messages import CHANNEL
from tests.support.stack import GatewayProcess

KEY = "the-key-of-the-gateway"


@pytest.fixture(scope="module")
def gateway_database(postgres: LocalPostgres) -> Iterator[str]:
    postgres.create_database("doctor_gateway")
    yield postgres.dsn("doctor_gateway")
    postgres.drop_database("doctor_gateway")


@pytest.fixture(scope="module")
def locked(gateway_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Run the reference gateway with a key, holding one message."""
    with GatewayProcess(gateway_database, tmp_path_factory.mktemp("locked"), api_key=KEY) as gateway:
        import_messages(gateway_database, [{"channelId": CHANNEL, "messageId": "1", "text": "bom dia"}])
        yield gateway


@pytest.fixture(scope="module")
def open_gateway(
    gateway_database: str, locked: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Run it without a key."""
    with GatewayProcess(gateway_database, tmp_path_factory.mktemp("open")) as gateway:
        yield gateway


def at(url: str, key: str = "", **more: object) -> dict[str, object]:
    return {
        "TELEGRAM_GATEWAY_URL": url,
        "TELEGRAM_GATEWAY_API_KEY": key,
        "TP_CAPITAL_SIGNALS_CHANNEL_ID": CHANNEL,
        **more,
    }


def test_a_gateway_that_takes_just_our_key_is_ok(look: Look, locked: GatewayProcess) -> None:
    found = look(examine_gateway, **at(locked.url, KEY))
    assert found.pop("gateway.telegram").status is CheckStatus.SKIPPED, "it has no session"
    assert {finding.status for finding in found.values()} == {CheckStatus.OK}


@pytest.mark.parametrize(("key", "word"), [("another", "wrong (403)"), ("", "missing (401)")])
def test_a_gateway_key_that_is_not_taken_is_named(
    look: Look, locked: GatewayProcess, key: str, word: str
) -> None:
    found = look(examine_gateway, **at(locked.url, key))
    assert found["gateway.connection"].status is CheckStatus.OK
    assert found["gateway.key"].status is CheckStatus.FAIL
    assert found["gateway.key"].found == f"the key is {word}"
    assert "TELEGRAM_GATEWAY_API_KEY" in str(found["gateway.key"].remedy)


def test_a_403_is_a_wrong_key_too(look: Look) -> None:
    with HttpStub(json_answer({"success": False}, 403)) as gateway:
        finding = look(examine_gateway, **at(gateway.url, "another"))["gateway.key"]
    assert (finding.status, "403" in finding.found) == (CheckStatus.FAIL, True)


@pytest.mark.parametrize("key", ["", "any"])
def test_fault_18_a_gateway_that_asks_for_no_key_is_a_warning(
    look: Look, open_gateway: GatewayProcess, key: str
) -> None:
    found = look(examine_gateway, **at(open_gateway.url, key))
    assert found["gateway.open"].status is CheckStatus.WARN
    assert "requires no key" in found["gateway.open"].found
    assert "TELEGRAM_GATEWAY_API_KEY" in str(found["gateway.open"].remedy)
    assert found["gateway.key"].status is CheckStatus.OK


def test_looking_marks_no_message(look: Look, open_gateway: GatewayProcess) -> None:
    look(examine_gateway, **at(open_gateway.url))
    with psycopg.connect(open_gateway.database_url) as connection:
        rows = connection.execute("select status from telegram_gateway.messages").fetchall()
    assert rows == [("received",)]


def test_a_channel_the_gateway_does_not_know_is_a_warning(look: Look, open_gateway: GatewayProcess) -> None:
    settings = at(open_gateway.url) | {"TP_CAPITAL_SIGNALS_CHANNEL_ID": f"{CHANNEL},-100999"}
    finding = look(examine_gateway, **settings)["gateway.channels"]
    assert finding.status is CheckStatus.WARN
    assert finding.found.endswith("no message of -100999")
    assert "TP_CAPITAL_SIGNALS_CHANNEL_ID" in str(finding.remedy)


def test_a_gateway_that_is_not_there_is_named(look: Look) -> None:
    found = look(examine_gateway, **at("http://127.0.0.1:1"))
    assert found["gateway.connection"].status is CheckStatus.FAIL
    assert "connection refused" in found["gateway.connection"].found
    assert "TELEGRAM_GATEWAY_URL" in str(found["gateway.connection"].remedy)
    assert found["gateway.key"].status is CheckStatus.SKIPPED


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>It works!</html>", headers={"Content-Type": "text/html"}),
        json_answer({"hello": "world"}),
        json_answer({"success": True, "data": "nothing"}),
        Answer(status=302, headers={"Location": "https://elsewhere.example/login"}),
        Answer(status=404),
        Answer(status=500),
    ],
    ids=["a web page", "other JSON", "no list", "a redirect", "not found", "broken"],
)
def test_another_product_at_the_address_is_named(look: Look, answer: Answer) -> None:
    with HttpStub(answer) as stranger:
        found = look(examine_gateway, **at(stranger.url, KEY))
    assert found["gateway.connection"].status is CheckStatus.FAIL
    assert "TELEGRAM_GATEWAY_URL" in str(found["gateway.connection"].remedy)
    assert KEY not in str(found)


def test_a_gateway_that_is_silent_is_named_and_does_not_hang(look: Look) -> None:
    with HttpStub(Answer(body=b'{"success": true}', drip_s=0.2)) as gateway:
        found = look(examine_gateway, **at(gateway.url, answer_s=1.5))
    assert found["gateway.connection"].status is CheckStatus.FAIL
    assert "no complete answer within 1.5 s" in found["gateway.connection"].found


def test_too_many_requests_are_a_warning(look: Look) -> None:
    with HttpStub(Answer(status=429)) as gateway:
        finding = look(examine_gateway, **at(gateway.url))["gateway.connection"]
    assert finding.status is CheckStatus.WARN


@pytest.mark.parametrize(
    ("ahead_s", "status", "words"),
    [
        (0, CheckStatus.OK, "agree"),
        # a whole second of the header and the way there make up to two of difference
        (-40, CheckStatus.WARN, r"the gateway's clock is (39|4\d) s behind"),
        (600, CheckStatus.FAIL, r"the gateway's clock is (59\d|600|601) s ahead of"),
    ],
)
def test_clock_skew_of_the_gateway_is_named(
    around: Around, ahead_s: int, status: CheckStatus, words: str
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)
    with HttpStub(Answer(headers={"Date": date}, body=b"{}")) as gateway:
        surroundings = around(**at(gateway.url))
        assert list(examine_gateway(surroundings))
    clock = next(finding for finding in surroundings.clocks.judged() if finding.name == "clock.gateway")
    assert clock.status is status
    assert re.search(words, clock.found)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("healthy", CheckStatus.OK),
        ("degraded; Telegram asks to wait 40 s", CheckStatus.WARN),
        ("unhealthy; Telegram has banned this account", CheckStatus.FAIL),
    ],
)
def test_a_session_with_telegram_is_judged_by_what_the_gateway_says(
    look: Look, said: str, status: CheckStatus
) -> None:
    answer = json_answer({"success": True, "data": []})
    with HttpStub(replace(answer, headers={**answer.headers, "X-Telegram-Session": said})) as stub:
        finding = look(examine_gateway, **at(stub.url))["gateway.telegram"]
    assert finding.status is status
    assert said.partition("; ")[2] in finding.found
