"""Alerts, dashboard and metrics fit each other: checked by Prometheus's own tool, not by reading."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from ruamel.yaml import YAML

from engine.model import OutcomeKind
from tests.support.servers import need_program
from tests.support.serving import Served, serving

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "ops" / "deploy" / "prometheus"
DASHBOARD = ROOT / "ops" / "deploy" / "grafana" / "tp-capital.json"
read_yaml = YAML(typ="safe").load
RULES = [rule for group in read_yaml(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]]
TESTS = ("rules_test.yml", "rules_days_test.yml")
_METRIC = re.compile(r"\b(tpcapital_\w+|process_\w+)\b")


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    with serving(module_database_url) as running:
        yield running


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need_program("promtool"), *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=PROMETHEUS,
    )


def test_the_rules_and_the_configuration_are_well_formed() -> None:
    for arguments in (("check", "rules", "rules.yml"), ("check", "config", "prometheus.yml")):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", TESTS)
def test_each_alert_fires_and_clears(name: str) -> None:
    done = promtool("test", "rules", name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_every_alert_is_tested_both_ways(alert: str) -> None:
    firing, quiet = 0, 0
    for name in TESTS:
        for test in read_yaml(PROMETHEUS / name)["tests"]:
            if alert[len("TpCapital") :] not in test.get("name", ""):
                continue
            for case in test["alert_rule_test"]:
                if case["alertname"] == alert:
                    firing += bool(case.get("exp_alerts"))
                    quiet += not case.get("exp_alerts")
    assert firing, f"no test has {alert} fire"
    assert quiet, f"no test has {alert} clear"


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_every_alert_leads_to_its_section_of_the_runbook(rule: dict[str, dict[str, str]]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == str(rule["alert"]).lower()
    assert rule["alert"] in headings


def test_the_runbook_tells_of_no_alert_that_is_not_there() -> None:
    headings = re.findall(r"^## (TpCapital\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert set(headings) == {rule["alert"] for rule in RULES}


def test_a_scrape_is_accepted_by_promtool(served: Served) -> None:
    done = promtool("check", "metrics", text=scrape(served))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_metric_that_rules_and_dashboard_name_is_exported(served: Served) -> None:
    exported = names(scrape(served))
    asked = set()
    for rule in RULES:
        asked |= set(_METRIC.findall(rule["expr"]))
    dashboard = json.loads(DASHBOARD.read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(targets) > 30, "the dashboard is read as it is built"
    for target in targets:
        asked |= set(_METRIC.findall(target["expr"]))
    assert asked - exported == set()


#: what the contract wants to be seen, by the name it has here
OWN = (
    *("tpcapital_messages_total", "tpcapital_batches_total", "tpcapital_poll_duration_seconds_bucket"),
    *("tpcapital_write_duration_seconds_bucket", "tpcapital_end_to_end_lag_seconds_bucket"),
    *("tpcapital_breaker_state", "tpcapital_breaker_transitions_total", "tpcapital_backfill_rows"),
    *("tpcapital_cache_requests_total", "tpcapital_pool_connections", "tpcapital_mailbox_depth"),
    *("tpcapital_actor_restarts_total", "tpcapital_http_requests_total", "tpcapital_dead_letters"),
)


@pytest.mark.parametrize("name", OWN)
def test_fault_19_the_services_own_series_are_exported(served: Served, name: str) -> None:
    text = scrape(served)
    family = re.sub("_(total|bucket)$", "", name)
    assert re.search(rf"^# TYPE {family}(_total)? ", text, re.MULTILINE)


#: of these the label values are known beforehand; no request, batch or poll is waited for
_KNOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "tpcapital_http_dropped_total": {"part": ("head", "body", "write")},
    "tpcapital_cache_requests_total": {"result": ("memory", "hit", "miss", "shared")},
    "tpcapital_end_to_end_lag_seconds_count": {"since": ("received", "telegram")},
    "tpcapital_messages_duplicate_total": {"source": ("poller", "backfill", "dead_letters")},
    "tpcapital_messages_total": {"outcome": tuple(OutcomeKind)},
    "tpcapital_polls_total": {"result": ("messages", "empty", "rejected", "failed")},
}


@pytest.mark.parametrize("name", _KNOWN)
def test_a_counter_has_its_series_before_the_first_event(served: Served, name: str) -> None:
    """A rate cannot see the first event of a series that appears with it."""
    text = scrape(served)
    for label, values in _KNOWN[name].items():
        for value in values:
            assert re.search(rf'^{name}{{.*{label}="{value}".*}} ', text, re.MULTILINE), value


def scrape(served: Served) -> str:
    answer = requests.get(f"{served.url}/metrics", timeout=10)
    assert answer.status_code == 200
    return answer.text


def names(text: str) -> set[str]:
    """Return the names a query may use: those of the families, with what the kind of each adds."""
    found = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        found.add(name)
        if kind == "histogram":
            found |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    return found
