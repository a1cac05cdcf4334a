"""The clients of the former service - its dashboard and its users' scripts - find here what they rely on.

Their requests are written anew, by the fields that each of them reads.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from engine.model import Side
from tests.support.httpstub import Answer, Request, json_answer
from tests.support.messages import CHANNEL
from tests.support.outcomes import a_message, a_signal, signal_outcome
from tests.support.serving import Served, serving
from tests.support.stack import eventually

BATCH = 120
CHANNELS = [{"channelId": f"-100{n}", "title": "Sinais à vista", "synced": n} for n in (1, 2, 3)]
SYNCED = {"totalMessagesSynced": 6, "totalMessagesSaved": 6, "channelsSynced": CHANNELS}
_NOTHING = {
    "success": True,
    "data": [],
    "pagination": {"total": 0, "limit": 500, "offset": 0, "hasMore": False},
}
#: texts that a row of the former service always had
TEXTS = ("asset", "channel", "signal_type", "raw_message", "source")
BRASILIA = ZoneInfo("America/Sao_Paulo")


class FormerGateway:
    """Answers as the real gateway does. A sync fails with ``refusal`` once that is set."""

    def __init__(self) -> None:
        self.refusal: Answer | None = None

    def __call__(self, request: Request) -> Answer:
        if "sync-messages" in request.path:
            return self.refusal or json_answer({"success": True, "data": SYNCED})
        return json_answer(_NOTHING)


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    """Serve a batch that is larger than a page, beside a completed history."""
    settings = {"TP_CAPITAL_BACKFILL_DELAY_S": "0", "CORS_ORIGIN": "http://localhost:9999"}
    with serving(module_database_url, **settings) as served:
        served.gateway.answer_by(FormerGateway())
        two = signal_outcome(a_message(BATCH), a_signal(), a_signal("VALE3", position=1))
        served.tell_writer([*(signal_outcome(a_message(number)) for number in range(1, BATCH)), two])
        eventually(lambda: get(served, "/api/v1/signals?limit=1").json()["data"])
        eventually(lambda: get(served, "/signals?type=historical_sync").json()["data"])
        yield served


def get(served: Served, path: str) -> requests.Response:
    return requests.get(served.url + path, timeout=10)


def data_of(served: Served, path: str) -> list[dict[str, Any]]:
    answer = get(served, path)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def is_entry(row: dict[str, Any]) -> bool:
    return bool(row["signal_type"] == "historical_sync")


# ── the faults ───────────────────────────────────────────────────────────────


def test_fault_75_every_signal_of_a_batch_has_an_instant_of_its_own(served: Served) -> None:
    rows = data_of(served, "/api/v1/signals?limit=1000&sort=asc")
    instants = [datetime.fromisoformat(row["ingested_at"]) for row in rows]
    assert len(rows) == BATCH + 1
    steps = {later - earlier for earlier, later in itertools.pairwise(instants)}
    assert steps == {timedelta(microseconds=1)}


def test_fault_75_signals_of_several_batches_have_instants_of_their_own(served: Served) -> None:
    for number in range(1001, 1005):
        served.commit(number, number + 100)
    rows = data_of(served, "/signals?limit=1000")
    assert len({row["ingested_at"] for row in rows}) == len(rows)


def test_fault_76_no_row_of_the_list_has_null_where_the_former_rows_had_text(served: Served) -> None:
    rows = data_of(served, "/signals")
    assert [row["id"] for row in rows if not all(isinstance(row[name], str) for name in TEXTS)] == []
    (entry,) = filter(is_entry, rows)
    assert (entry["asset"], entry["channel"]) == ("__checkpoint__", "system")
    # the dashboard's search box
    assert [row for row in rows if "check" in row["asset"].lower() + row["channel"].lower()] == [entry]


def test_fault_77_the_entry_ends_the_first_page_of_the_unfiltered_list_beside_the_limit(
    served: Served,
) -> None:
    for path, limit in (("/signals", 100), ("/signals?limit=1", 1), ("/signals?limit=5&sort=asc", 5)):
        rows = data_of(served, path)
        assert [is_entry(row) for row in rows] == [False] * limit + [True], path
    cursor = get(served, "/signals?limit=5").json()["nextCursor"]
    for path in (f"/signals?limit=5&cursor={cursor}", "/signals?asset=PETR4", "/api/v1/signals"):
        assert not any(map(is_entry, data_of(served, path))), path
    everything = csv.DictReader(io.StringIO(get(served, "/signals.csv?limit=1000").text))
    assert not any(map(is_entry, everything))


def test_fault_77_the_pages_of_the_list_hold_every_signal_once_and_the_entry_once(served: Served) -> None:
    ids, path = list[int](), "/signals?limit=50"
    for _ in range(10):
        page = get(served, path).json()
        ids += [row["id"] for row in page["data"]]
        if page["nextCursor"] is None:
            break
        path = f"/signals?limit=50&cursor={page['nextCursor']}"
    signals = [row["id"] for row in data_of(served, "/api/v1/signals?limit=1000")]
    assert sorted(ids) == sorted([0, *signals])


def test_fault_77_a_daemon_that_starts_shows_the_stored_entry_before_it_reads_any_history(
    served: Served, module_database_url: str
) -> None:
    with serving(module_database_url, TP_CAPITAL_BACKFILL_DELAY_S="3600") as restarted:
        eventually(lambda: is_entry(data_of(restarted, "/signals")[-1]))
        assert data_of(restarted, "/signals")[-1] == data_of(served, "/signals")[-1]


def test_fault_78_a_sync_is_told_in_the_words_of_the_page_with_the_gateways_channels(served: Served) -> None:
    answer = requests.post(f"{served.url}/sync-messages", json={"limit": 500}, timeout=10)
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "6 mensagem(ns) sincronizada(s) de 3 canal(is). 6 salvas no banco.",
        "data": SYNCED,
    }
    assert "Sinais à vista".encode() in answer.content


@pytest.mark.parametrize("odd", [{"n": 10**30}, "\ud800"])
def test_fault_78_channels_that_json_cannot_hold_are_the_gateways_fault(served: Served, odd: object) -> None:
    gateway = FormerGateway()
    gateway.refusal = json_answer({"success": True, "data": SYNCED | {"channelsSynced": [odd]}})
    served.gateway.answer_by(gateway)
    try:
        answer = requests.post(f"{served.url}/sync-messages", json={}, timeout=10)
    finally:
        served.gateway.answer_by(FormerGateway())
    assert answer.status_code == 503
    assert "channelsSynced" in answer.json()["message"]


def test_fault_78_a_sync_that_fails_tells_the_page_why_in_the_gateways_own_words(served: Served) -> None:
    gateway = FormerGateway()
    gateway.refusal = json_answer({"success": False, "message": "Sessão não está pronta\x1b[31m"}, 503)
    served.gateway.answer_by(gateway)
    try:
        answer = requests.post(f"{served.url}/sync-messages", json={"limit": 500}, timeout=10)
    finally:
        served.gateway.answer_by(FormerGateway())
    assert answer.status_code == 503
    assert "Sessão não está pronta" in answer.json()["message"]
    assert "\x1b" not in answer.json()["message"]


def test_fault_79_a_page_behind_a_proxy_that_rewrites_host_is_told_which_setting_lets_it_in(
    served: Served,
) -> None:
    def sync(origin: str, host: str) -> requests.Response:
        headers = {"Origin": origin, "Host": host, "Sec-Fetch-Site": "same-origin"}
        return requests.post(f"{served.url}/sync-messages", json={}, headers=headers, timeout=10)

    refused = sync("http://localhost:5173", f"127.0.0.1:{served.port}")
    assert refused.status_code == 403
    assert "CORS_ORIGIN" in refused.json()["message"]
    # the two ways of docs/migrating.md: the origin is listed, or the proxy leaves Host alone
    assert sync("http://localhost:9999", f"127.0.0.1:{served.port}").status_code == 200
    assert sync("http://localhost:5173", "localhost:5173").status_code == 200


@pytest.mark.parametrize(
    ("level", "ours"), [("warn", "warning"), ("WARN", "warning"), ("fatal", "critical"), ("trace", "debug")]
)
def test_fault_80_levels_have_the_names_of_nodes_loggers_too(served: Served, level: str, ours: str) -> None:
    assert data_of(served, f"/logs?level={level}") == data_of(served, f"/logs?level={ours}")


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("probe", ["/healthz", "/livez", "/ready", "/readyz"])
def test_fault_81_a_probe_says_healthy(served: Served, prefix: str, probe: str) -> None:
    answer = get(served, prefix + probe)
    assert (answer.status_code, answer.json()["status"]) == (200, "healthy")


def test_fault_82_a_date_is_that_whole_day_in_brasilia(served: Served) -> None:
    today = datetime.now(BRASILIA).date()
    day, before, after = (today - timedelta(days=days) for days in (7, 8, 6))
    # half past eleven in the evening there is the next day's morning in UTC
    late = datetime(day.year, day.month, day.day, 23, 30, tzinfo=BRASILIA).astimezone(UTC)
    served.tell_writer([signal_outcome(a_message(2001, telegram_date=late), a_signal("LATE3"))])
    eventually(lambda: data_of(served, "/signals?asset=LATE3"))

    def found(first: object, last: object) -> int:
        return len(data_of(served, f"/signals?asset=LATE3&from={first}&to={last}"))

    assert [found(day, day), found(before, before), found(after, after)] == [1, 0, 0]
    assert [found(before, day), found(day, after)] == [1, 1]
    assert csv_rows(served, f"/signals.csv?asset=LATE3&from={day}&to={day}") == 1


def csv_rows(served: Served, path: str) -> int:
    return len(list(csv.DictReader(io.StringIO(get(served, path).text))))


def test_fault_83_a_channel_has_the_former_names_beside_ours(served: Served) -> None:
    (channel,) = data_of(served, "/channels")
    assert (channel["channel"], channel["signal_count"]) == (channel["id"], channel["signals"])
    assert (channel["channel"], channel["signal_count"] > BATCH) == (CHANNEL, True)
    assert get(served, f"/channels/{CHANNEL}").json()["channel"] == CHANNEL


# ── every call of the former service ─────────────────────────────────────────

PAGE = Path(__file__).parents[3] / "docs" / "migrating.md"
CALLS = re.findall(
    r"^\| `(GET|POST|DELETE) (/[^`]*)` \| (kept|differs|gone) \| (.+) \|$",
    PAGE.read_text("utf-8"),
    re.MULTILINE,
)
FORMER_CALLS = {
    *("/signals", "/sync-messages", "/logs", "/health", "/healthz", "/ready", "/metrics", "/channels"),
    *("/telegram-channels", "/telegram/bots", "/forwarded-messages", "/bots", "/config/channels"),
    *("/reload-channels", "/full-scan", "/clean-signals", "/ingest"),
}


def test_fault_84_the_table_has_every_call_of_the_former_service() -> None:
    assert {path for _, path, _, _ in CALLS} == FORMER_CALLS
    assert ("DELETE", "/signals", "gone") in {call[:3] for call in CALLS}


@pytest.mark.parametrize(("method", "path", "fate", "advice"), CALLS)
def test_fault_84_the_table_says_of_each_call_what_the_service_does(
    served: Served, method: str, path: str, fate: str, advice: str
) -> None:
    status = requests.request(method, served.url + path, timeout=10).status_code
    assert (status in (404, 405)) == (fate == "gone"), status
    documented = get(served, "/openapi.json").json()["paths"]
    for instead, name in re.findall(r"`(GET|POST|DELETE) (/[^`]*)`", advice):
        if (instead, name) != ("DELETE", "/signals"):
            assert instead.lower() in documented["/api/v1" + name.replace("{id}", "{channel}")]


def test_fault_84_short_signals_can_be_told_from_purchases(served: Served) -> None:
    served.tell_writer([signal_outcome(a_message(3001), a_signal("SHRT3", side=Side.SELL))])
    eventually(lambda: data_of(served, "/signals?asset=SHRT3"))
    assert [row["side"] for row in data_of(served, "/signals?asset=SHRT3")] == ["sell"]
    assert data_of(served, "/signals?asset=SHRT3&side=buy") == []


# ── the former dashboard and scripts, by their shapes ────────────────────────

PRICES = ("buy_min", "buy_max", "target_1", "target_2", "target_final", "stop")


def test_the_former_dashboards_three_calls_give_what_it_shows(served: Served) -> None:
    listed = get(served, "/signals?limit=200&channel=&type=&search=&from=&to=").json()
    keys = [row["ingested_at"] for row in listed["data"]]
    assert len(set(keys)) == len(keys)
    for row in listed["data"]:
        assert isinstance(row["ts"], int)
        assert all(isinstance(row[name], str) for name in TEXTS)
        assert all(row[name] is None or isinstance(row[name], int | float) for name in PRICES)
    synced = requests.post(f"{served.url}/sync-messages", json={"limit": 500}, timeout=10).json()
    assert (synced["success"], bool(synced["message"]), synced["data"]["totalMessagesSynced"]) == (
        True,
        True,
        6,
    )
    logs = get(served, "/logs?limit=50&level=info").json()
    assert isinstance(logs["data"], list)


Looks = Callable[[Any], object]


@pytest.mark.parametrize(
    ("path", "looks"),
    [
        ("/signals", lambda body: [row for row in body["data"] if row["signal_type"] == "historical_sync"]),
        ("/signals", lambda body: len(body["data"]) > 1),
        ("/signals?limit=1", lambda body: body["data"][0]["asset"]),
        ("/signals?limit=5", lambda body: [f"{row['asset']} {row['buy_min']}" for row in body["data"]]),
        ("/signals?search=petr", lambda body: {row["asset"] for row in body["data"]} == {"PETR4"}),
        (
            "/signals?type=Swing%20Trade",
            lambda body: {r["signal_type"] for r in body["data"]} == {"Swing Trade"},
        ),
        (f"/signals?channel={CHANNEL}", lambda body: {row["channel"] for row in body["data"]} == {CHANNEL}),
        ("/signals?from=1700000000000", lambda body: body["data"]),
        ("/signals?from=2026-01-01&to=2099-12-31", lambda body: body["data"]),
        (
            "/signals?type=historical_sync",
            lambda body: json.loads(body["data"][0]["raw_message"]).keys() == {"totalSynced", "batches"},
        ),
        ("/health", lambda body: body["status"] in ("healthy", "degraded")),
        ("/health", lambda body: body["checks"].keys() >= {"timescaledb", "gatewayApi", "pollingWorker"}),
        ("/health", lambda body: body["checks"]["timescaledb"] == "healthy"),
        ("/healthz", lambda body: body["status"] == "healthy"),
        ("/ready", lambda body: body["status"] == "healthy"),
        ("/logs?level=error&limit=10", lambda body: isinstance(body["data"], list)),
        (
            "/logs?level=warn",
            lambda body: all(entry["message"] for entry in body["data"]) or not body["data"],
        ),
        ("/channels", lambda body: [(one["channel"], one["signal_count"]) for one in body["data"]]),
        ("/channels", lambda body: sum(one["signal_count"] for one in body["data"]) > BATCH),
        ("/api/v1/signals?limit=2", lambda body: len(body["data"]) == 2),
    ],
)
def test_a_script_of_the_former_service_finds_what_it_looks_for(
    served: Served, path: str, looks: Looks
) -> None:
    assert looks(get(served, path).json())
