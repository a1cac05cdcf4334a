"""The one HTTP client: no proxy, no redirect with a key, no secret of an address in a text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import load_settings
from ops.cli import app
from ops.client import Client, ClientError, DaemonClient, DaemonError, is_daemon_of
from ops.local.ports import free_port, http_problem
from tests.support.httpstub import Answer, HttpStub, json_answer

KEY = "key-that-is-for-one-host"


def test_fault_57_no_redirect_carries_the_key_to_another_host() -> None:
    with HttpStub(json_answer({"data": []})) as other, HttpStub() as asked:
        elsewhere = f"http://user:secret@127.0.0.1:{other.port}/dead-letters"
        for status in (301, 302, 303, 307, 308):
            asked.queue(Answer(status=status, headers={"Location": elsewhere}))
            with (
                DaemonClient(asked.url, api_key=KEY) as daemon,
                pytest.raises(DaemonError, match=f"127.0.0.1:{other.port}, which is not followed") as caught,
            ):
                daemon.get("/dead-letters")
            assert "secret" not in str(caught.value)
        assert other.requests == ()
        assert all(request.headers["x-api-key"] == KEY for request in asked.requests)


@pytest.mark.parametrize("words", [["status"], ["logs"], ["dead-letters", "list"], ["backfill"]])
def test_fault_57_commands_end_with_one_line_at_a_redirect(words: list[str]) -> None:
    with HttpStub() as other, HttpStub() as asked:
        asked.answer(Answer(status=302, headers={"Location": other.url + "/x"}))
        own = {"TP_CAPITAL_API_KEY": KEY, "PORT": str(asked.port)}
        result = CliRunner().invoke(app, [*words, "--url", asked.url], env=own)
        assert asked.requests[0].headers["x-api-key"] == KEY
        assert result.exit_code in (1, 2)
        assert "not followed" in " ".join(result.output.split())
        assert other.requests == ()


@pytest.mark.parametrize("words", [["status"], ["logs"], ["dead-letters", "list"], ["backfill"]])
def test_fault_57_the_key_of_the_settings_goes_to_their_own_daemon_alone(words: list[str]) -> None:
    with HttpStub(json_answer({"detail": "no"}, status=400)) as asked:
        for port, sent in ((asked.port, KEY), (free_port(), None)):
            keys = {"TP_CAPITAL_API_KEYS": f"page:read:{KEY}-2,script:write:{KEY}", "PORT": str(port)}
            CliRunner().invoke(app, [*words, "--url", asked.url], env=keys)
            assert asked.requests[-1].headers.get("x-api-key") == sent
        # wrong settings need not keep from asking another daemon
        CliRunner().invoke(app, [*words, "--url", asked.url], env={"PORT": "x"})
        assert len(asked.requests) == 3


@pytest.mark.parametrize(
    ("settings", "url", "own"),
    [
        ({}, "http://127.0.0.1:4008", True),
        ({}, "http://localhost:4008/", True),
        ({}, "http://127.0.0.1:4009", False),
        ({}, "http://127.0.0.1", False),
        ({}, "http://127.0.0.1.example:4008", False),
        ({}, "http://127.0.0.1:4008@other.example", False),
        ({}, "http://[", False),
        ({"HOST": "::", "TP_CAPITAL_API_KEY": KEY}, "http://[::1]:4008", True),
        ({"HOST": "10.0.0.5", "TP_CAPITAL_API_KEY": KEY}, "http://10.0.0.5:4008", True),
        ({"HOST": "10.0.0.5", "TP_CAPITAL_API_KEY": KEY}, "http://127.0.0.1:4008", False),
        ({"TP_CAPITAL_ALLOWED_HOSTS": "TP.example"}, "https://tp.example/tp", True),
        ({"TP_CAPITAL_ALLOWED_HOSTS": "tp.example"}, "http://tp.example", False),
        ({"TP_CAPITAL_ALLOWED_HOSTS": "tp.example:8080"}, "http://tp.example:8080", True),
    ],
)
def test_fault_57_whose_daemon_a_url_leads_to(
    settings: dict[str, str], url: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert is_daemon_of(load_settings(env_file=None), url) is own


def test_an_unhealthy_part_is_told_in_words_and_not_as_json() -> None:
    with HttpStub() as asked:
        for field in ("message", "reason"):
            asked.queue(
                json_answer({"status": "unhealthy", "checks": {}, field: "no connection"}, status=503)
            )
            assert http_problem(asked.port, "/readyz") == "unhealthy: no connection"
        asked.queue(Answer(status=502, body=b"bad gateway"))
        assert http_problem(asked.port, "/readyz") == "bad gateway"


def test_fault_64_neither_proxy_nor_netrc_of_the_environment_has_a_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with HttpStub() as proxy, HttpStub(json_answer({})) as asked:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert http_problem(asked.port, "/health") is None
        with Client(asked.url) as client:
            assert client.ask("GET", "/health").ok
        assert proxy.requests == ()
        assert all("authorization" not in request.headers for request in asked.requests)


def test_fault_53_a_password_in_the_address_is_sent_and_not_shown() -> None:
    with HttpStub(Answer(status=200, body=b"no json")) as asked:
        url = f"http://user:p%40ss-word@127.0.0.1:{asked.port}"
        with DaemonClient(url, api_key=None) as daemon, pytest.raises(DaemonError) as caught:
            daemon.get("/health")
        assert "ss-word" not in str(caught.value)
        # the words of the address, in base64
        assert asked.requests[0].headers["authorization"] == "Basic dXNlcjpwQHNzLXdvcmQ="


@pytest.mark.parametrize(
    "url", ["http://u:secr@et/x@y", "secret", "ftp://secret", "http://a secret", "http://[secret"]
)
def test_an_address_that_is_none_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ClientError) as caught:
        Client(url)
    assert "secr" not in str(caught.value)


def test_outside_words_in_a_refusal_cannot_steer_a_terminal() -> None:
    with HttpStub(json_answer({"detail": "no\x1b[2J\u202e[red]"}, status=400)) as asked:
        with DaemonClient(asked.url, api_key=None) as daemon, pytest.raises(DaemonError) as caught:
            daemon.get("/x")
        assert str(caught.value) == "no\\x1b[2J\\u202e[red]"
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ClientError, match="refused"):
        client.ask("GET", "/")


def test_an_answer_in_drops_is_cut_at_a_deadline() -> None:
    began = time.monotonic()
    with (
        HttpStub(Answer(body=b" " * 10_000, drip_s=0.05)) as asked,
        Client(asked.url, timeout_s=0.2) as client,
    ):
        with pytest.raises(ClientError, match=r"no complete answer within 0\.6 s"):
            client.ask("GET", "/health")
        asked.answer(json_answer({"status": "healthy"}))
        assert client.ask("GET", "/health").object() == {"status": "healthy"}
    assert time.monotonic() - began < 5.0
