"""The settings of alerts."""

from __future__ import annotations

import pytest

from config import ConfigurationError, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TP_CAPITAL_PUBLIC_URL", "signals.example"),
        ("TP_CAPITAL_PUBLIC_URL", "https://me:secret@signals.example"),
        ("TP_CAPITAL_PUBLIC_URL", "https://signals.example/?a=1"),
        ("TP_CAPITAL_ALERT_NETWORKS", "10.0.0.0/8,intranet"),
        ("TP_CAPITAL_ALERT_NEWS_S", "5"),
        ("TP_CAPITAL_ALERT_SILENCE_H", "-1"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(env_file=None)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [name]
    assert "secret" not in str(refused.value)


def test_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TP_CAPITAL_PUBLIC_URL", "https://signals.example/tp/")
    monkeypatch.setenv("TP_CAPITAL_ALERT_NETWORKS", "10.0.0.0/8, ::1")
    alerts = load_settings(env_file=None).alerts
    assert alerts.public_url == "https://signals.example/tp"
    assert [str(network) for network in alerts.allowed] == ["10.0.0.0/8", "::1/128"]
    assert (alerts.news_for.total_seconds(), alerts.silence_after.total_seconds()) == (600, 4 * 3600)
