"""One attempt by Apprise: against services that are well, and against those that want to reach, hold or fill us."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from engine.timers import TimerThread
from ops.http.routes.alert_models import AlertTargetRequest
from ops.http.routes.alert_targets import TargetMaker, WrongTargetError
from storage.alerts.address import AddressRules
from storage.alerts.apprise_bounds import sending
from storage.alerts.apprise_target import AppriseSender, BadTargetError, find_service
from storage.alerts.outcome import Attempt, Verdict
from tests.support.alerting import SECRET, cut_when
from tests.support.clock import FakeClock, FakeTimers
from tests.support.httpstub import Answer, HttpStub

RULES = AddressRules(own_port=4008, networks=(ip_network("127.0.0.0/8"),))
STRICT = AddressRules(own_port=4008)
TELEGRAM = "tgram://123456789:ABCdefGhIJKlmNoPQRstuVWxyZ0123456789/987654"


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub(Answer(body=b"{}", headers={"Content-Type": "application/json"})) as stub:
        yield stub


@pytest.fixture(scope="module")
def timers() -> Iterator[TimerThread]:
    timers = TimerThread()
    yield timers
    timers.close()


@pytest.fixture
def sender(timers: TimerThread) -> AppriseSender:
    return AppriseSender(RULES, timers=timers)


@pytest.fixture
def strict(timers: TimerThread) -> AppriseSender:
    return AppriseSender(STRICT, timers=timers)


def send(sender: AppriseSender, url: str, text: str = "Stop 29,255") -> Attempt:
    return sender.send(url, title="COMPRA PETR4", text=text)


def ntfy(stub: HttpStub, host: str = "127.0.0.1") -> str:
    return f"ntfy://{host}:{stub.port}/signals"


def test_title_and_text_arrive(stub: HttpStub, sender: AppriseSender) -> None:
    assert send(sender, ntfy(stub)) == Attempt(verdict=Verdict.SENT)
    said = stub.requests[0].body.decode() + str(stub.requests[0].headers)
    assert "Stop 29,255" in said


def test_signs_of_markup_in_a_text_arrive_as_they_are(
    stub: HttpStub, sender: AppriseSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram reads HTML, and refuses what is not well formed."""
    find_service(TELEGRAM)  # loads the plugins
    monkeypatch.setattr("apprise.plugins.telegram.NotifyTelegram.notify_url", f"{stub.url}/bot", raising=True)
    stub.answer(Answer(body=b'{"ok": true, "result": {}}', headers={"Content-Type": "application/json"}))
    attempt = send(sender, TELEGRAM, "Sala <A&B> · stop < 29\nhttps://s.example/s/1")
    assert attempt == Attempt(verdict=Verdict.SENT)
    said = json.loads(stub.requests[-1].body)["text"]
    assert "Sala &lt;A&amp;B&gt; · stop &lt; 29\r\nhttps://s.example/s/1" in said


def test_a_text_that_is_too_long_is_cut(
    stub: HttpStub, sender: AppriseSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_service(TELEGRAM)
    monkeypatch.setattr("apprise.plugins.discord.NotifyDiscord.notify_url", stub.url)
    discord = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
    assert send(sender, discord, "x" * 9000) == Attempt(verdict=Verdict.SENT)
    (request,) = stub.requests
    assert len(json.loads(request.body)["content"]) <= 2000


def test_a_service_that_refuses_has_a_reason_and_shows_no_secret(
    stub: HttpStub, sender: AppriseSender
) -> None:
    stub.answer(Answer(status=401, body=b"{}"))
    attempt = send(sender, f"ntfy://user:a-long-password@127.0.0.1:{stub.port}/x")
    assert attempt.verdict is Verdict.REFUSED
    assert attempt.reason is not None
    assert "401" in attempt.reason
    assert "a-long-password" not in attempt.reason


def test_a_service_that_asks_to_wait_is_left_alone(stub: HttpStub, sender: AppriseSender) -> None:
    stub.answer(Answer(status=429, headers={"Retry-After": "37"}))
    assert send(sender, ntfy(stub)) == Attempt(
        verdict=Verdict.FAILED, reason="ntfy: asks to wait 37 s", wait_s=37.0
    )


def test_no_plugin_sleeps_as_long_as_a_service_says(stub: HttpStub, sender: AppriseSender) -> None:
    wait = Answer(status=429, body=b'{"retry_after_ms": 86400000}')
    welcome = Answer(body=b'{"access_token": "t", "home_server": "x", "user_id": "@a:x", "room_id": "!r:x"}')
    stub.answer_by(lambda request: wait if "/send/" in request.path else welcome)
    attempt = send(sender, f"matrix://user:password@127.0.0.1:{stub.port}/!room:x/")
    assert (attempt.verdict, attempt.wait_s) == (Verdict.FAILED, 6 * 3600)


def test_a_service_inside_is_not_connected_to(stub: HttpStub, strict: AppriseSender) -> None:
    attempt = send(strict, ntfy(stub, "localhost"))
    assert (attempt.verdict, stub.count) == (Verdict.FAILED, 0)
    assert "is no public address" in (attempt.reason or "")


def test_a_datagram_goes_nowhere_else_either(timers: TimerThread) -> None:
    find_service(TELEGRAM)
    with (
        sending(STRICT, timers, 60),
        socket.socket(type=socket.SOCK_DGRAM) as sock,
        pytest.raises(OSError, match="no public address"),
    ):
        sock.sendto(b"alert", ("127.0.0.1", 9))


def test_redirects_and_proxies_are_not_followed(
    stub: HttpStub, sender: AppriseSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpStub() as other:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, other.url)
        monkeypatch.delenv("no_proxy", raising=False)
        stub.queue(Answer(status=307, headers={"Location": other.url}))
        assert send(sender, ntfy(stub) + "?redirect=yes").verdict is Verdict.REFUSED
        assert (stub.count, other.count) == (1, 0)


def test_a_service_that_says_nothing_or_not_all_is_cut(stub: HttpStub) -> None:
    timers = FakeTimers(FakeClock())
    sender = AppriseSender(RULES, timers=timers)
    stub.answer(Answer(hold=threading.Event()))
    attempt = cut_when(
        lambda: stub.wait_for_requests(1, timeout_s=60), timers, lambda: send(sender, ntfy(stub))
    )
    assert attempt == Attempt(verdict=Verdict.FAILED, reason="ntfy: no answer in time")
    # the status has come, so it took the alert
    sent = threading.Event()
    stub.answer(Answer(headers={"Content-Length": "10000"}, body=b"{", sent=sent))
    assert cut_when(lambda: sent.wait(60), timers, lambda: send(sender, ntfy(stub))) == Attempt(
        verdict=Verdict.SENT
    )


class Endless:
    """Serves one connection with a line again and again. ``taken`` is how many bytes were taken in the end."""

    def __init__(self, greeting: bytes, line: bytes) -> None:
        self._greeting, self._line = greeting, line
        self.begun = threading.Event()
        self.taken = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(60)
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._server, self._server.accept()[0] as connection, suppress(OSError):
            connection.sendall(self._greeting)
            while self.taken < 1 << 30:
                connection.sendall(self._line)
                self.taken += len(self._line)
                self.begun.set()

    def end(self) -> int:
        """Wait until the connection has ended, and return what was taken."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.taken


def test_an_answer_without_an_end_is_read_no_further(sender: AppriseSender) -> None:
    endless = Endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536)
    assert send(sender, f"ntfy://127.0.0.1:{endless.port}/x") == Attempt(verdict=Verdict.SENT)
    # what was on its way stands in the buffers of both ends
    assert endless.end() < 32 << 20


def test_other_ways_than_http_are_cut_too() -> None:
    timers, endless = FakeTimers(FakeClock()), Endless(b"", b"220-come in\r\n")
    sender = AppriseSender(RULES, timers=timers)
    url = f"mailto://user:password@127.0.0.1:{endless.port}?from=a@b.example&to=c@d.example&mode=insecure"
    attempt = cut_when(lambda: endless.begun.wait(60), timers, lambda: send(sender, url))
    assert attempt == Attempt(verdict=Verdict.FAILED, reason="E-Mail: no answer in time")
    endless.end()


def test_other_threads_connect_where_they_want(stub: HttpStub, strict: AppriseSender) -> None:
    """The audit hook stays for the life of the process. It looks at attempts only."""
    send(strict, ntfy(stub, "localhost"))
    with socket.create_connection(("127.0.0.1", stub.port)):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "tgram://typo",
        "telegrm://1:2/3",
        "typo-of-a-token",
        "tgram://123456789:ABCdefGhIJKlmNoPQRstuVWxyZ0123456789/",
        "json://127.0.0.1/x",
        "syslog://",
        "rsyslog://93.184.215.14",
    ],
)
def test_an_address_that_no_service_has_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(BadTargetError) as refused:
        find_service(url)
    assert "typo" not in str(refused.value)


@pytest.mark.parametrize(
    ("target", "field", "message"),
    [
        ({"url": "tgram://typo/"}, "url", "no address that Apprise understands (tgram://...)"),
        ({"url": "ntfy://169.254.169.254/x"}, "url", "leads to 169.254.169.254"),
        ({"url": "json://127.0.0.1/x"}, "url", "is not taken here"),
        ({"url": "ntfy://topic", "secret": SECRET}, "secret", "for webhooks only"),
    ],
)
def test_a_bad_target_is_refused_with_the_reason(target: dict[str, str], field: str, message: str) -> None:
    maker, now = TargetMaker(STRICT), datetime.now(UTC)
    with pytest.raises(WrongTargetError) as wrong:
        maker.make(AlertTargetRequest(**target), {}, now=now)  # type: ignore[arg-type]
    assert (wrong.value.field, message in str(wrong.value)) == (field, True)


def test_an_address_that_names_a_file_of_this_machine_is_refused(tmp_path: Path) -> None:
    """Discord's template would be sent with all that stands in it."""
    file = tmp_path / "secrets.json"
    file.write_text('{"password": "secret"}')
    with pytest.raises(BadTargetError):
        find_service(f"discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?template={file}")


def test_a_services_address_is_shown_without_its_secrets_and_a_foreign_webhook_is_none() -> None:
    telegram = find_service(TELEGRAM)
    discord = find_service("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    assert telegram is not None
    assert discord is not None
    assert (telegram.name, discord.name) == ("Telegram", "Discord")
    assert "ABCdef" not in telegram.masked
    topic, phone = find_service("ntfy://a-long-topic"), find_service("whatsapp://t@1/5511999999999")
    assert topic is not None
    assert topic.masked == "ntfys://a-l…"
    assert phone is not None
    assert "5511999" not in phone.masked
    assert "JHMHI8q" not in discord.masked
    assert find_service("https://receiver.example/hook") is None
    assert find_service("https://notdiscord.com/hook") is None
