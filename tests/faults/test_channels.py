"""Channels that come and go while the daemon runs, survive its death, and do not hold up each other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
import requests
from psycopg.conninfo import make_conninfo

from engine.timers import TimerThread
from ops.http.routes import channels
from ops.local.postgres import LocalPostgres
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.support.httpstub import Answer, HttpStub, Request, json_answer
from tests.support.messages import CHANNEL, OTHER_CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.outcomes import a_message, signal_outcome
from tests.support.proxy import TcpProxy
from tests.support.servers import free_port, redis_server
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    InnerEngine,
    engine_environment,
    eventually,
    running_daemon,
)

KEY = "channels-key-1234"
EMPTY_PAGE = {"success": True, "data": [], "count": 0}
THIRD_CHANNEL = "-1003000000003"


def test_what_was_written_is_found_by_who_asks_at_once(silent_gateway: str, database_url: str) -> None:
    with running_daemon(environment(database_url, silent_gateway)) as engine:
        for number in range(10, 25):
            path = f"/channels/-{number}"
            assert add(engine, f"-{number}").status_code == 201
            assert ask(engine, "GET", path).status_code == 200
            add(engine, f"-{number}", label="named")
            assert ask(engine, "GET", path).json()["label"] == "named"
            assert ask(engine, "DELETE", path).status_code == 200
            assert ask(engine, "GET", path).status_code == 404


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    """Run a timer thread for the test."""
    thread = TimerThread()
    yield thread
    thread.close()


@pytest.fixture
def silent_gateway() -> Iterator[str]:
    """Give the address of a gateway that has nothing, for tests that need none."""
    with HttpStub(json_answer(EMPTY_PAGE)) as stub:
        yield stub.url


def environment(database_url: str, gateway_url: str, **more: str) -> dict[str, str]:
    return engine_environment(database_url, gateway_url, TP_CAPITAL_API_KEY=KEY, **more)


def ask(
    engine: InnerEngine | EngineProcess, method: str, path: str, body: object = None, key: str | None = KEY
) -> requests.Response:
    headers = {"X-API-Key": key} if key else {}
    return requests.request(method, engine.url + path, json=body, headers=headers, timeout=10)


def add(engine: InnerEngine | EngineProcess, channel: str, **more: object) -> requests.Response:
    return ask(engine, "POST", "/channels", {"id": channel, **more})


def insert(database_url: str, *channels: str) -> None:
    """Write channels into the table, as a person with SQL would."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into signals.channels (channel, source) select unnest(%s::text[]), 'api'",
            [list(channels)],
        )


def channel_of(engine: InnerEngine | EngineProcess, channel: str) -> dict[str, Any]:
    """Return what is said of one channel; an empty object when it is none of those that are read."""
    data = engine.get("/channels").json()["data"]
    return next((each for each in data if each["id"] == channel), {})


def state(engine: InnerEngine | EngineProcess, channel: str) -> str | None:
    word = channel_of(engine, channel).get("state")
    return str(word) if word else None


def children(engine: InnerEngine) -> set[str]:
    return {child["name"] for child in engine.health()["details"]["actors"]["children"]}


def blamed(engine: InnerEngine, check: str) -> set[str]:
    """Return the channels that a check names as its cause."""
    error = str(engine.health()["details"][check]["error"])
    return {channel for channel in (CHANNEL, OTHER_CHANNEL) if channel in error}


def signals(channel: str, *numbers: int) -> list[tuple[str, str, object]]:
    return [(channel, str(number), expected_price(number)) for number in numbers]


def labels(engine: InnerEngine) -> dict[str, str | None]:
    data = engine.get("/api/v1/signals").json()["data"]
    return {signal["channel"]: signal["channel_label"] for signal in data}


def test_a_channel_is_added_removed_and_added_again_while_the_daemon_runs(
    gateway: GatewayProcess, database_url: str
) -> None:
    """Its history and its new messages come without a restart; what it missed comes once; nothing is doubled."""
    put(gateway.database_url, [signal_message(1)])
    put(gateway.database_url, [signal_message(11, channel=OTHER_CHANNEL)])
    # with a doorbell, which holds a long poll of 25 s when its channel is removed
    with running_daemon(
        environment(database_url, gateway.url, TP_CAPITAL_DOORBELL="1", TP_CAPITAL_BACKFILL_DELAY_S="0")
    ) as engine:
        engine.wait_healthy()
        eventually(lambda: engine.detail("historicalSync", "completed"))
        assert stored_signals(database_url) == signals(CHANNEL, 1)

        answer = add(engine, OTHER_CHANNEL, label="Other")
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/channels/{OTHER_CHANNEL}")
        assert (answer.json()["label"], answer.json()["source"]) == ("Other", "api")
        eventually(lambda: stored_signals(database_url) == signals(CHANNEL, 1) + signals(OTHER_CHANNEL, 11))
        put(gateway.database_url, [signal_message(12, channel=OTHER_CHANNEL, ago_s=1)])
        eventually(lambda: len(stored_signals(database_url)) == 3)
        eventually(lambda: channel_of(engine, OTHER_CHANNEL)["backfill"]["completedAt"])
        shown = channel_of(engine, OTHER_CHANNEL)
        assert (shown["state"], shown["signals"], shown["messages"]) == ("polling", 2, 2)
        assert engine.get(f"/api/v1/channels/{OTHER_CHANNEL}").json()["label"] == "Other"
        eventually(lambda: labels(engine) == {CHANNEL: None, OTHER_CHANNEL: "Other"})
        eventually(lambda: engine.metric(f'tpcapital_polls_total{{channel="{OTHER_CHANNEL}"') > 0)
        eventually(lambda: {f"poller:{OTHER_CHANNEL}", f"doorbell:{OTHER_CHANNEL}"} < children(engine))

        # a channel that somebody else wrote into the table is followed too
        insert(database_url, THIRD_CHANNEL)
        eventually(lambda: state(engine, THIRD_CHANNEL) == "polling")

        removed = ask(engine, "DELETE", f"/channels/{OTHER_CHANNEL}")
        assert removed.status_code == 200
        assert removed.json()["kept"] == {"signals": 2, "messages": 2}
        eventually(lambda: not any(OTHER_CHANNEL in name for name in children(engine)))
        eventually(lambda: OTHER_CHANNEL not in engine.get("/metrics").text)
        assert channel_of(engine, OTHER_CHANNEL) == {}
        put(gateway.database_url, [signal_message(13, channel=OTHER_CHANNEL, ago_s=1)])
        put(gateway.database_url, [signal_message(2, ago_s=1)])
        eventually(lambda: len(stored_signals(database_url)) == 4)
        stored = signals(CHANNEL, 1, 2) + signals(OTHER_CHANNEL, 11, 12)
        assert stored_signals(database_url) == stored, "the removed channel's message is left alone"
        assert labels(engine)[OTHER_CHANNEL] == "Other", "what is stored of it stays as it was"

        assert add(engine, OTHER_CHANNEL).status_code == 201
        stored = signals(CHANNEL, 1, 2) + signals(OTHER_CHANNEL, 11, 12, 13)
        eventually(lambda: stored_signals(database_url) == stored)
        assert channel_of(engine, OTHER_CHANNEL)["label"] == "Other"
        engine.wait_healthy()
        assert engine.child(f"poller:{CHANNEL}")["generation"] == 1
    assert stored_signals(database_url) == stored


def test_what_cannot_be_done_is_answered_with_why(silent_gateway: str, database_url: str) -> None:
    with running_daemon(environment(database_url, silent_gateway)) as engine:
        engine.wait_healthy()
        eventually(lambda: engine.get("/channels").json()["complete"])
        for prefix in ("", "/api/v1"):
            path = f"{prefix}/channels/{CHANNEL}"
            refused = ask(engine, "DELETE", path)
            assert refused.status_code == 409
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert "TP_CAPITAL_SIGNALS_CHANNEL_ID" in refused.json()["detail"]
            assert state(engine, CHANNEL) == "polling"
            assert ask(engine, "DELETE", path, key=None).status_code == 401
            assert ask(engine, "DELETE", path, key="wrong").status_code == 403
            assert ask(engine, "POST", f"{prefix}/channels", {"id": "-7"}, key=None).status_code == 401
            unknown = f"{prefix}/channels/{OTHER_CHANNEL}"
            assert ask(engine, "DELETE", unknown).status_code == 404
            assert ask(engine, "GET", unknown).status_code == 404
            wrong = ask(engine, "PUT", unknown, {})
            assert (wrong.status_code, wrong.headers["Allow"].count("DELETE")) == (405, 1)
            assert ask(engine, "DELETE", f"{prefix}/channels/@tp").status_code == 400
            assert ask(engine, "GET", f"{prefix}/channels?limit=1").status_code == 400
            bad = ask(engine, "POST", f"{prefix}/channels", {"id": "-01001", "label": "\n"})
            assert [error["field"] for error in bad.json()["errors"]] == ["id", "label"]
        huge = requests.post(
            f"{engine.url}/channels", data=b"x" * 100_000, headers={"X-API-Key": KEY}, timeout=10
        )
        assert huge.status_code == 413
        # a channel of the settings can have a label, and is none the less one of the settings
        labelled = add(engine, CHANNEL, label="Main")
        assert (labelled.status_code, labelled.json()["source"]) == (200, "settings")
        with mock.patch.object(channels, "MOST_CHANNELS", 1):
            full = add(engine, OTHER_CHANNEL)
        assert (full.status_code, "remove one" in full.json()["detail"]) == (409, True)


def test_added_and_removed_channels_are_so_at_the_next_start_after_kill_9_too(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    with EngineProcess(environment(database_url, gateway.url), folder) as killed:
        eventually(killed.health)
        eventually(lambda: add(killed, OTHER_CHANNEL, label="Other").status_code in (200, 201))
        killed.kill()
    put(gateway.database_url, [signal_message(11, channel=OTHER_CHANNEL, ago_s=1)])
    with running_daemon(environment(database_url, gateway.url)) as engine:
        eventually(lambda: stored_signals(database_url) == signals(OTHER_CHANNEL, 11))
        assert channel_of(engine, OTHER_CHANNEL)["label"] == "Other"
        assert ask(engine, "DELETE", f"/channels/{OTHER_CHANNEL}").status_code == 200
    put(gateway.database_url, [signal_message(12, channel=OTHER_CHANNEL, ago_s=1)])
    put(gateway.database_url, [signal_message(1, ago_s=1)])
    with running_daemon(environment(database_url, gateway.url)) as engine:
        eventually(lambda: len(stored_signals(database_url)) == 2)
        eventually(lambda: engine.get("/channels").json()["complete"])
        assert state(engine, OTHER_CHANNEL) is None
        assert stored_signals(database_url) == signals(CHANNEL, 1) + signals(OTHER_CHANNEL, 11)


def test_with_the_database_down_at_the_start_the_settings_are_polled_and_the_others_follow(
    gateway: GatewayProcess, postgres: LocalPostgres, database_url: str
) -> None:
    insert(database_url, OTHER_CHANNEL)
    put(gateway.database_url, [signal_message(11, channel=OTHER_CHANNEL, ago_s=1)])
    with TcpProxy("127.0.0.1", postgres.port) as proxy:
        proxy.refuse()
        proxied = make_conninfo(database_url, port=proxy.port)
        with running_daemon(environment(proxied, gateway.url)) as engine:
            eventually(lambda: state(engine, CHANNEL) == "polling")
            eventually(lambda: engine.get("/channels").json()["error"])
            shown = engine.get("/channels").json()
            assert ([each["id"] for each in shown["data"]], shown["complete"]) == ([CHANNEL], False)
            assert shown["data"][0]["signals"] is None, "not known, and not 0"
            assert ask(engine, "GET", f"/channels/{OTHER_CHANNEL}").status_code == 503
            refused = ask(engine, "DELETE", f"/channels/{OTHER_CHANNEL}")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            proxy.accept()
            eventually(lambda: stored_signals(database_url) == signals(OTHER_CHANNEL, 11))
            assert add(engine, OTHER_CHANNEL, label="Other").status_code == 200, "it was there"
            engine.wait_healthy()
            assert all(child["restarts"] == 0 for child in engine.health()["details"]["actors"]["children"])


def refusing(gateway: GatewayProcess, channel: str) -> Callable[[Request], Answer]:
    """Pass everything on to the gateway, but answer what is about one channel with 500."""

    def choose(request: Request) -> Answer:
        if channel in request.path or channel.encode() in request.body:
            return json_answer({"success": False, "message": "broken"}, status=500)
        answer = requests.request(
            request.method,
            gateway.url + request.path,
            data=request.body,
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        return Answer(status=answer.status_code, body=answer.content)

    return choose


def test_a_channel_that_gets_500_for_all_it_asks_does_not_delay_another(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, [signal_message(number) for number in range(1, 4)])
    with HttpStub() as stub:
        stub.answer_by(refusing(gateway, OTHER_CHANNEL))
        # the broken one first: what goes in turn begins with it
        both = environment(
            database_url,
            stub.url,
            TP_CAPITAL_SIGNALS_CHANNEL_ID=f"{OTHER_CHANNEL},{CHANNEL}",
            TP_CAPITAL_BACKFILL_DELAY_S="0",
            GATEWAY_TAIL_CHECK_MS="1000",
        )
        with running_daemon(both) as engine:
            eventually(lambda: stored_signals(database_url) == signals(CHANNEL, 1, 2, 3))
            eventually(lambda: channel_of(engine, CHANNEL)["backfill"]["completedAt"])
            eventually(lambda: state(engine, OTHER_CHANNEL) == "rejected")
            shown = channel_of(engine, OTHER_CHANNEL)
            assert "500" in shown["error"]
            assert shown["breaker"]["state"] == "open"
            assert "500" in shown["backfill"]["error"]
            assert (state(engine, CHANNEL), channel_of(engine, CHANNEL)["error"]) == ("polling", None)
            assert channel_of(engine, CHANNEL)["breaker"]["failures"] == 0
            for check in ("gatewayApi", "pollingWorker", "historicalSync"):
                eventually(lambda check=check: blamed(engine, check) == {OTHER_CHANNEL})
            # polled at its own interval, and its tail is checked: a message marked by somebody else is found
            put(gateway.database_url, [signal_message(4, ago_s=1)])
            eventually(lambda: len(stored_signals(database_url)) == 4)
            put(gateway.database_url, [{**signal_message(5, ago_s=1), "status": "published"}])
            eventually(lambda: len(stored_signals(database_url)) == 5)
            # once it is answered, it is read
            put(gateway.database_url, [signal_message(11, channel=OTHER_CHANNEL)])
            stub.answer_by(refusing(gateway, "no channel"))
            eventually(lambda: len(stored_signals(database_url)) == 6)
            eventually(lambda: channel_of(engine, OTHER_CHANNEL)["backfill"]["completedAt"])
            engine.wait_healthy()


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest, folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings of each kind of page store."""
    if request.param == "memory":
        yield {}
        return
    port = free_port()
    server = redis_server(folder, port)
    yield {"REDIS_ENABLED": "1", "REDIS_MASTER_HOST": "127.0.0.1", "REDIS_MASTER_PORT": str(port)}
    server.stop()


def test_a_changed_label_reaches_pages_that_are_kept(
    silent_gateway: str, database_url: str, timers: TimerThread, cache: dict[str, str]
) -> None:
    database = Database(database_url, schema="signals", pool_max=4, timers=timers)
    database.open()
    Ledger(database, grammar_version="g1").record([signal_outcome(a_message(1))])
    database.close()
    kept_long = {"REDIS_CACHE_TTL": "86400", **cache}
    with running_daemon(environment(database_url, silent_gateway, **kept_long)) as engine:
        eventually(lambda: labels(engine) == {CHANNEL: None})
        engine.wait_healthy()
        for label in ("Main", "Other", None):
            eventually(lambda: _is_kept(engine))
            tag = engine.get("/api/v1/signals").headers["ETag"]
            assert add(engine, CHANNEL, label=label).status_code == 200
            eventually(lambda label=label: labels(engine) == {CHANNEL: label})
            assert engine.get("/api/v1/signals").headers["ETag"] != tag
            first = engine.get("/api/v1/signals").json()["data"][0]
            assert engine.get(f"/signals/{first['id']}").json()["channel_label"] == label


def _is_kept(engine: InnerEngine) -> bool:
    """Ask for the page and tell whether it came from the cache."""
    return engine.get("/api/v1/signals").headers["X-Cache"] in ("memory", "redis")
