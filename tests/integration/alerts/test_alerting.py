"""From a rule given over HTTP to the alert at its target: the whole way in a running engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from engine.model import Event, EventKind, Outcome, OutcomeKind
from tests.support.alerting import LOOPBACK, SECRET, Receiver
from tests.support.forked import run_forked
from tests.support.httpstub import Answer
from tests.support.outcomes import a_message, a_signal, not_signal, signal_outcome
from tests.support.serving import Served, serving
from tests.support.stack import eventually, surroundings

KEY = "a-key-of-this-test"


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    with serving(
        module_database_url,
        TP_CAPITAL_API_KEY=KEY,
        TP_CAPITAL_PUBLIC_URL="https://sinais.example/tp/",
        **LOOPBACK,
    ) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def no_rule_stays(served: Served) -> Iterator[None]:
    yield
    for rule in served.engine.get("/alerts").json()["data"]:
        assert ask(served, "DELETE", f"/alerts/{rule['id']}").ok


def ask(served: Served, method: str, path: str, **body: Any) -> requests.Response:
    return requests.request(
        method, served.url + path, json=body or None, headers={"X-API-Key": KEY}, timeout=30
    )


def add_rule(served: Served, *urls: str, **changes: Any) -> dict[str, Any]:
    targets = [{"url": url, "secret": SECRET} for url in urls]
    values = {"name": "mine", "language": "en", "kinds": ["signal", "update", "result", "cancel", "system"]}
    added = ask(served, "POST", "/api/v1/alerts", **values | {"targets": targets} | changes)
    assert added.status_code == 201, added.text
    body = added.json()
    assert isinstance(body, dict)
    return body


def now_message(number: int, **changes: Any) -> Any:
    now = datetime.now(UTC)
    return a_message(number, **{"received_at": now, "telegram_date": now, "updated_at": now} | changes)


def event_outcome(number: int, event: Event, reply_to: int) -> Outcome:
    message = now_message(number, reply_to=str(reply_to))
    return Outcome(
        message=message,
        kind=OutcomeKind(event.kind),
        reason="words",
        ts=message.telegram_date,
        events=(event,),
        body=message.text or "",
    )


def test_the_life_of_a_signal_is_told_in_order_each_once_and_signed(
    served: Served, receiver: Receiver
) -> None:
    add_rule(served, receiver.url)
    served.tell_writer([signal_outcome(now_message(101), a_signal("VALE3"))])
    (first,) = receiver.alerts(1)
    assert (first["type"], first["data"]["title"]) == ("alert.signal", "BUY VALE3 · Swing Trade")
    shown = served.engine.get(f"/signals/{first['data']['signal']['id']}").json()
    assert first["data"]["signal"] == {name: shown[name] for name in first["data"]["signal"]}
    assert first["data"]["link"] == f"https://sinais.example/tp/s/{shown['id']}"

    served.tell_writer(
        [event_outcome(102, Event(kind=EventKind.UPDATE, asset="VALE3", breakeven=True), reply_to=101)]
    )
    served.tell_writer(
        [event_outcome(103, Event(kind=EventKind.RESULT, asset="VALE3", target=1), reply_to=101)]
    )
    _, moved, reached = receiver.alerts(3)
    assert {moved["data"]["title"], reached["data"]["title"]} == {
        "BUY VALE3: stop at the entry",
        "BUY VALE3: target 1 reached",
    }
    assert {moved["data"]["in_reply_to"], reached["data"]["in_reply_to"]} == {first["id"]}

    edited = {"updated_at": datetime.now(UTC), "version": "2", "text": "now another"}
    served.tell_writer([signal_outcome(now_message(101, **edited), a_signal("VALE3", stop=28))])
    corrected = receiver.alerts(4)[3]
    assert corrected["data"]["corrects"]
    assert corrected["data"]["title"].startswith("CORRECTED: BUY VALE3")
    served.tell_writer([not_signal(now_message(101, updated_at=datetime.now(UTC), version="3", text="gone"))])
    withdrawn = receiver.alerts(5)[4]
    assert (withdrawn["type"], withdrawn["data"]["withdrawn"]) == ("alert.cancel", True)


def test_old_messages_and_what_the_filter_leaves_out_are_not_told(served: Served, receiver: Receiver) -> None:
    add_rule(served, receiver.url, assets=["petr4"], without_warnings=True)
    served.commit(201, 202, 203)  # an hour old, as after a back-fill
    doubtful = a_signal("PETR4", warnings=("target_order",))
    served.tell_writer(
        [
            signal_outcome(now_message(204), a_signal("VALE3")),
            signal_outcome(now_message(205), doubtful),
            signal_outcome(now_message(206), a_signal("PETR4")),
        ]
    )
    (told,) = receiver.alerts(1)
    assert told["data"]["signal"]["message_id"] == "206"


def test_a_test_is_sent_and_what_was_sent_is_shown(served: Served, receiver: Receiver) -> None:
    rule = add_rule(served, receiver.url)
    receiver.queue(Answer(status=500))
    sent = f"/alerts/{rule['id']}/deliveries"
    for expected in ("dead", "sent"):
        answer = ask(served, "POST", f"/alerts/{rule['id']}/test")
        assert (answer.status_code, answer.json()) == (202, {"id": rule["id"], "queued": 1})
        eventually(lambda expected=expected: served.engine.get(sent).json()["data"][0]["state"] == expected)
    newest, oldest = served.engine.get(sent).json()["data"]
    assert (oldest["reason"], oldest["attempts"]) == ("the target answered 500", 1)
    assert newest["title"] == "Test of alerts"
    page = served.engine.get(f"{sent}?limit=1").json()
    assert served.engine.get(f"{sent}?limit=1&cursor={page['nextCursor']}").json()["data"] == [oldest]
    assert served.engine.get(f"{sent}?state=dead").json()["data"] == [oldest]

    again = ask(served, "POST", f"{sent}/{oldest['id']}/retry")
    assert again.status_code == 202
    eventually(lambda: served.engine.get(sent).json()["data"][1]["state"] == "sent")
    assert ask(served, "POST", f"{sent}/{oldest['id']}/retry").status_code == 409
    assert served.engine.metric('tpcapital_alerts_total{result="sent"}') >= 2


def test_secrets_are_shown_once_and_replaced_by_saving(served: Served, receiver: Receiver) -> None:
    secret_path = "/hooks/very-secret"
    rule = add_rule(served, receiver.url + secret_path, targets=[{"url": receiver.url + secret_path}])
    (target,) = rule["targets"]
    assert target["secret"].startswith("whsec_")
    assert target["url"] == f"{receiver.url}/***"
    values = {name: rule[name] for name in ("name", "kinds", "language")}
    kept = ask(
        served, "PUT", f"/alerts/{rule['id']}", **values, enabled=False, targets=[{"id": target["id"]}]
    )
    assert kept.json()["targets"] == [{name: target[name] for name in target if name != "secret"}]
    renewed = ask(
        served, "PUT", f"/alerts/{rule['id']}", **values, targets=[{"id": target["id"], "new_secret": True}]
    ).json()
    assert renewed["targets"][0]["secret"] != target["secret"]
    for path in ("/alerts", f"/alerts/{rule['id']}", "/logs?limit=1000"):
        shown = served.engine.get(path).text
        assert "very-secret" not in shown
        assert target["secret"] not in shown
        assert renewed["targets"][0]["secret"] not in shown


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": " "}, "name", "at least 1 character"),
    ({"name": "a\nb"}, "name", "on one line"),
    ({"kinds": []}, "kinds", "at least 1"),
    ({"kinds": ["signals"]}, "kinds.0", "'signal', 'update', 'result', 'cancel' or 'system'"),
    ({"channels": ["x"]}, "channels.0", "a channel's id"),
    ({"sides": ["long"]}, "sides.0", "'buy' or 'sell'"),
    ({"language": "es"}, "language", "'pt' or 'en'"),
    ({"quiet_hours": "22-7"}, "quiet_hours", "form"),
    ({"quiet_hours": "22:00-22:00"}, "quiet_hours", "different times"),
    ({"enabled": "yes"}, "enabled", "boolean"),
    ({"unknown": 1}, "unknown", "not permitted"),
    ({"targets": []}, "targets", "at least 1"),
    ({"targets": [{}]}, "targets.0.url", "must be given"),
    ({"targets": [{"id": 99}]}, "targets.0.id", "no such target"),
    ({"targets": [{"url": "https://169.254.169.254/"}]}, "targets.0.url", "leads to 169.254.169.254"),
    ({"targets": [{"url": "https://[::ffff:10.0.0.1]/"}]}, "targets.0.url", "leads to 10.0.0.1"),
    ({"targets": [{"url": "http://93.184.215.14/"}]}, "targets.0.url", "must begin with https://"),
    ({"targets": [{"url": "https://a:b@93.184.215.14/"}]}, "targets.0.url", "no user and password"),
    # those of services are in test_apprise.py: loading Apprise takes seconds
    ({"targets": [{"url": "a-token"}]}, "targets.0.url", "must begin with its kind"),
    ({"targets": [{"url": "https://93.184.215.14/", "secret": "abc"}]}, "targets.0.secret", "whsec_"),
]


@pytest.mark.parametrize(
    ("changes", "field", "message"), WRONG, ids=[f"{field}-{n}" for n, (_, field, _) in enumerate(WRONG)]
)
def test_a_bad_field_is_refused_with_the_reason(
    served: Served, changes: dict[str, Any], field: str, message: str
) -> None:
    body = {"name": "bad", "kinds": ["signal"], "targets": [{"url": "https://93.184.215.14/"}]} | changes
    answer = ask(served, "POST", "/alerts", **body)
    assert answer.status_code == 400, answer.text
    errors = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert message in errors[field]


def test_our_own_port_is_refused(served: Served) -> None:
    answer = ask(
        served,
        "POST",
        "/alerts",
        name="self",
        kinds=["signal"],
        targets=[{"url": f"{served.url}/sync-messages"}],
    )
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, "leads to this engine itself")


def test_names_are_single_and_unknown_rules_are_404(served: Served, receiver: Receiver) -> None:
    rule = add_rule(served, receiver.url)
    twice = ask(served, "POST", "/alerts", name="mine", kinds=["signal"], targets=[{"url": receiver.url}])
    assert (twice.status_code, twice.json()["detail"]) == (409, "Another rule has this name.")
    assert requests.post(f"{served.url}/alerts/{rule['id']}/test", timeout=10).status_code == 401
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")):
        assert ask(served, method, f"/alerts/999999{path}").status_code == 404


def test_a_trouble_of_the_system_is_told_once_with_its_end(
    served: Served, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.alerts.troubles.LASTS_S", 0.0)
    add_rule(served, receiver.url, kinds=["system"])
    monkeypatch.setattr("actors.notifier.troubles_of", lambda *_, **__: frozenset({"gateway"}))
    (begun,) = receiver.alerts(1)
    assert begun["data"]["title"] == "System: the Telegram gateway does not answer"
    monkeypatch.setattr("actors.notifier.troubles_of", lambda *_, **__: frozenset())
    ended = receiver.alerts(2)[1]
    assert ended["data"]["title"] == "System: well again"
    assert ended["data"]["ended_at"] > begun["data"]["since"]


def test_a_rule_that_has_no_target_left_in_the_database_breaks_nothing(
    served: Served, receiver: Receiver, module_database_url: str
) -> None:
    rule = add_rule(served, receiver.url)
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("delete from signals.alert_targets")
    assert served.engine.get("/alerts").json() == {"data": []}
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("delete from signals.alert_rules where id = %s", [rule["id"]])


def test_the_commands_do_the_same(served: Served, receiver: Receiver, tmp_path: Path) -> None:
    environment = {**surroundings(), "PORT": str(served.port), "TP_CAPITAL_API_KEY": KEY}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        # a process of its own: the log of the daemon in this one would stand among its output
        return run_forked("alerts", *words, environment=environment, folder=tmp_path)

    def run(*words: str) -> str:
        done = command(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    added = run(
        "add", "phone", receiver.url, "--asset", "petr4", "--kind", "signal", "--quiet-hours", "22:00-07:00"
    )
    assert "whsec_" in added
    (rule,) = json.loads(run("list", "--json"))
    assert (rule["assets"], rule["kinds"], rule["quiet_hours"]) == (["PETR4"], ["signal"], "22:00-07:00")
    assert "phone" in run("list")
    number = str(rule["id"])
    receiver.answer(Answer(status=500))
    assert "tests on their way: 1" in run("test", number)
    sent = f"/alerts/{number}/deliveries"
    eventually(lambda: served.engine.get(sent).json()["data"][0]["state"] == "dead")
    assert "dead" in run("deliveries", number)
    (alert,) = json.loads(run("deliveries", number, "--state", "dead", "--json"))
    assert "within seconds" in run("retry", number, str(alert["id"]))
    assert "is removed" in run("remove", number)
    refused = command("add", "self", "https://169.254.169.254/")
    assert (refused.returncode, "leads to 169.254.169.254" in refused.stderr) == (1, True)
