"""The broker's settings: off by default, and no password said."""

from __future__ import annotations

from typing import Any

import pytest

from config import ConfigurationError, load_settings
from config.broker import broker_url

URL = "amqp://app:p%40ss@rabbit.example:5672/signals"


def problem() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    (line,) = caught.value.problems
    return line


def test_without_settings_messages_are_polled() -> None:
    broker = load_settings().broker
    assert (broker.source, broker.url, broker.queue) == ("poll", None, "tp-capital.messages")
    assert broker_url() is None


def test_the_address_and_its_password_are_secrets(environment: Any) -> None:
    environment(AMQP_URL=URL, TP_CAPITAL_SOURCE="both")
    settings = load_settings()
    assert settings.broker.source == "both"
    assert {URL, "p%40ss", "p@ss"} <= set(settings.secrets())
    assert "p%40ss" not in repr(settings)
    assert broker_url() == URL


@pytest.mark.parametrize("source", ["broker", "both"])
def test_a_source_without_an_address_is_refused(environment: Any, source: str) -> None:
    environment(TP_CAPITAL_SOURCE=source)
    assert "AMQP_URL is not set" in problem()


@pytest.mark.parametrize(
    "url",
    [
        "rabbit.example:5672",
        "http://rabbit.example",
        "amqp://",
        "amqp://app:s3@cr3t@rabbit.example",
        "amqp://app:s3cr3t@rabbit.example:x",
        "amqp://app:s3cr3t@rabbit.example/a/b",
        "amqp://app:s3cr3t@rabbit.example/?heartbeat=0",
    ],
)
def test_a_malformed_address_is_refused_and_not_quoted(environment: Any, url: str) -> None:
    environment(AMQP_URL=url)
    line = problem()
    assert line.startswith("AMQP_URL: must be amqp://")
    assert "cr3t" not in line
    with pytest.raises(ValueError, match="AMQP_URL: must be amqp://") as caught:
        broker_url()
    assert "rabbit.example" not in str(caught.value)
