"""Signatures of webhooks, held to the vector that the libraries of Standard Webhooks share."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from storage.alerts.address import AddressRules
from storage.alerts.apprise_target import AppriseSender
from storage.alerts.outcome import AlertingUnavailableError, Verdict
from storage.alerts.webhook import is_signing_secret, new_signing_secret, signature_headers
from tests.support.alert_rows import POSTED
from tests.support.alerting import SECRET, a_webhook
from tests.support.clock import FakeClock, FakeTimers

AT = datetime.fromtimestamp(1614265330, UTC)
VECTOR = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_vector() -> None:
    body, identity = b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek"
    headers = signature_headers(body, identity=identity, signing=(SECRET,), at=AT)
    assert headers == {"webhook-id": identity, "webhook-timestamp": "1614265330", "webhook-signature": VECTOR}


def test_two_secrets_make_two_signatures_so_that_one_can_be_replaced() -> None:
    other = new_signing_secret()
    headers = signature_headers(b"{}", identity="a", signing=(other, SECRET), at=AT)
    each = [signature_headers(b"{}", identity="a", signing=(one,), at=AT) for one in (other, SECRET)]
    assert headers["webhook-signature"].split(" ") == [one["webhook-signature"] for one in each]


def test_the_former_secret_signs_for_a_day_more() -> None:
    target = a_webhook("https://receiver.example", "whsec_new", "whsec_old")
    rotated = type(target)(
        **{name: getattr(target, name) for name in ("kind", "url", "service", "masked", "signing")},
        rotated_at=POSTED,
    )
    assert rotated.signing_at(POSTED + timedelta(hours=23)) == ("whsec_new", "whsec_old")
    assert rotated.signing_at(POSTED + timedelta(hours=25)) == ("whsec_new",)
    assert target.signing_at(POSTED) == ("whsec_new",)


def test_new_secrets_are_good_and_each_is_another() -> None:
    made = {new_signing_secret() for _ in range(3)}
    assert len(made) == 3
    assert all(map(is_signing_secret, made))


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("standardwebhooks.webhooks", "apprise"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AlertingUnavailableError, match="install the extra `alerts`"):
        signature_headers(b"{}", identity="a", signing=(SECRET,), at=AT)
    timers = FakeTimers(FakeClock())
    attempt = AppriseSender(AddressRules(own_port=4008), timers=timers).send(
        "tgram://1/2", title="a", text="b"
    )
    assert (attempt.verdict, "install the extra" in (attempt.reason or "")) == (Verdict.FAILED, True)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", SECRET.removeprefix("whsec_")])
def test_what_is_no_secret_is_refused(text: str) -> None:
    assert not is_signing_secret(text)
