"""A real Prometheus scrapes a running engine: a gateway that stops makes the breaker's alert fire, and clear again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from ruamel.yaml import YAML

from ops.local.process import OwnedProcess
from tests.support.servers import HOST, free_port, need_program
from tests.support.stack import GatewayProcess, engine_environment, eventually, running_daemon

PROMETHEUS = Path(__file__).parents[2] / "ops" / "deploy" / "prometheus"
read_yaml = YAML(typ="safe").load
ALERT = "TpCapitalBreakerOpen"


def hastened(folder: Path, engine_port: int) -> Path:
    """Write the shipped configuration and rules with seconds in place of minutes; nothing else is changed."""
    rules = read_yaml(PROMETHEUS / "rules.yml")
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == ALERT:
                rule["for"] = "2s"
    YAML().dump(rules, folder / "rules.yml")
    config = read_yaml(PROMETHEUS / "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"{HOST}:{engine_port}"]
    path = folder / "prometheus.yml"
    YAML().dump(config, path)
    return path


def asked(port: int, path: str) -> dict[str, Any]:
    """Return what Prometheus answers; nothing while it starts."""
    try:
        answer = requests.get(f"http://{HOST}:{port}/api/v1/{path}", timeout=30)
    except requests.ConnectionError:
        return {}
    return answer.json()["data"] if answer.ok else {}


def firing(port: int) -> list[dict[str, Any]]:
    alerts = asked(port, "alerts").get("alerts", [])
    return [alert for alert in alerts if alert["labels"]["alertname"] == ALERT and alert["state"] == "firing"]


def scraped(port: int) -> bool:
    return any(result["value"][1] == "1" for result in asked(port, "query?query=up").get("result", []))


@pytest.mark.timeout(240)
def test_a_gateway_that_stops_makes_the_breaker_alert_fire_and_its_return_clears_it(
    gateway: GatewayProcess, database_url: str, tmp_path: Path
) -> None:
    environment = engine_environment(
        database_url,
        gateway.url,
        GATEWAY_POLLING_INTERVAL_MS="200",
        CIRCUIT_BREAKER_MINIMUM="3",
        CIRCUIT_BREAKER_RESET_TIMEOUT="500",
    )
    with running_daemon(environment) as engine:
        port = free_port()
        prometheus = OwnedProcess(
            "prometheus",
            [
                need_program("prometheus"),
                f"--config.file={hastened(tmp_path, engine.port)}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={HOST}:{port}",
            ],
            log_path=tmp_path / "prometheus.log",
        )
        prometheus.start()
        try:
            eventually(lambda: scraped(port), deadline_s=30, what="a scrape")
            assert firing(port) == []
            gateway.kill()
            eventually(lambda: firing(port), deadline_s=40, what="the alert")
            (alert,) = firing(port)
            assert alert["labels"]["severity"] == "critical"
            assert alert["annotations"]["runbook_url"].endswith("#tpcapitalbreakeropen")
            gateway.start()
            eventually(lambda: not firing(port), deadline_s=30, what="the alert's end")
        finally:
            prometheus.stop()
