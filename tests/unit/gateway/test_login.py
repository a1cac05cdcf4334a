"""Logging in, on Telethon's own client and a played Telegram: code, wrong code, two-step password, QR code, logging out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions, types

from ops.gateway.telegram.client import open_client, plain_words, remove_session, session_file
from ops.gateway.telegram.login import LoginDialog, LoginFailedError, log_in, log_out
from ops.gateway.telegram_settings import UserSessionSettings
from tests.support.telegram import OWNER, PlayedTelegram

LOGGED_IN = types.auth.Authorization(user=OWNER)


@dataclass
class Person:
    """Answers questions, and remembers what was shown."""

    answers: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def dialog(self) -> LoginDialog:
        return LoginDialog(
            tell=self.told.append, ask=self._next, ask_secret=self._next, show_qr=self.codes.append
        )

    def _next(self, _question: str) -> str:
        return self.answers.pop(0)


def out_of(answers: Iterator[Any], telegram: PlayedTelegram) -> Callable[[Any], Any]:
    """Give an answer after the other; an error is raised, and a login is one from then on."""

    def answer(request: Any) -> Any:
        one = next(answers)
        if isinstance(one, type):
            raise one(request)
        telegram.authorized = one is LOGGED_IN or telegram.authorized
        return one

    return answer


@pytest.fixture
def telegram() -> PlayedTelegram:
    played = PlayedTelegram()
    played.authorized = False
    sent = types.auth.SentCode(type=types.auth.SentCodeTypeApp(length=5), phone_code_hash="h")
    played.answers[functions.auth.SendCodeRequest] = lambda _: sent
    return played


def log_in_to(telegram: PlayedTelegram, person: Person, *, qr: bool = False) -> str:
    async def run() -> str:
        return await log_in(telegram.client(), person.dialog(), phone=None, by_qr=qr)

    return asyncio.run(run())


def test_a_wrong_code_is_asked_again(telegram: PlayedTelegram) -> None:
    script = iter([errors.PhoneCodeInvalidError, LOGGED_IN])
    telegram.answers[functions.auth.SignInRequest] = out_of(script, telegram)
    person = Person(["+5511912345678", "11111", "22222"])
    assert log_in_to(telegram, person) == "Ana"
    assert person.told == ["Telegram has sent a code in another Telegram app of yours.", "The code is wrong."]
    assert log_in_to(telegram, Person()) == "Ana (already logged in)"


def test_three_wrong_codes_end_it(telegram: PlayedTelegram) -> None:
    telegram.answers[functions.auth.SignInRequest] = out_of(
        iter([errors.PhoneCodeInvalidError] * 3), telegram
    )
    with pytest.raises(LoginFailedError, match="3 wrong codes"):
        log_in_to(telegram, Person(["+5511912345678", "1", "2", "3"]))


def test_a_two_step_password_is_asked_for(telegram: PlayedTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telethon.password.compute_check", lambda *_: types.InputCheckPasswordEmpty())
    telegram.answers[functions.auth.SignInRequest] = out_of(
        iter([errors.SessionPasswordNeededError]), telegram
    )
    telegram.answers[functions.account.GetPasswordRequest] = lambda _: types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=b"",
    )
    script = iter([errors.PasswordHashInvalidError, LOGGED_IN])
    telegram.answers[functions.auth.CheckPasswordRequest] = out_of(script, telegram)
    person = Person(["+5511912345678", "12345", "wrong", "right"])
    assert log_in_to(telegram, person) == "Ana"
    assert person.told[-1] == "The password is wrong."


def code(ends_in: timedelta) -> types.auth.LoginToken:
    return types.auth.LoginToken(expires=datetime.now(UTC) + ends_in, token=b"token")


def test_a_qr_code_that_was_scanned_in_the_moment_it_ended_logs_in(telegram: PlayedTelegram) -> None:
    script: Iterator[Any] = iter([code(timedelta(0)), types.auth.LoginTokenSuccess(authorization=LOGGED_IN)])

    def token(_: Any) -> Any:
        one = next(script)
        telegram.authorized = isinstance(one, types.auth.LoginTokenSuccess)
        return one

    telegram.answers[functions.auth.ExportLoginTokenRequest] = token
    assert log_in_to(telegram, Person(), qr=True) == "Ana"


def test_a_qr_code_that_was_scanned_logs_in(telegram: PlayedTelegram) -> None:
    script = iter([types.auth.LoginTokenSuccess(authorization=LOGGED_IN)])
    first = code(timedelta(minutes=1))

    def token(request: Any) -> Any:
        if telegram.calls.count("ExportLoginTokenRequest") == 1:
            asyncio.get_running_loop().call_later(0.05, telegram.tell, types.UpdateLoginToken())
            return first
        telegram.authorized = True
        del request
        return next(script)

    telegram.answers[functions.auth.ExportLoginTokenRequest] = token
    person = Person()
    assert log_in_to(telegram, person, qr=True) == "Ana"
    assert person.codes[0].startswith("tg://login?token=")


def test_logging_out_ends_the_session_at_telegram() -> None:
    telegram = PlayedTelegram()

    async def run() -> bool:
        return await log_out(telegram.client())

    assert asyncio.run(run())
    assert not asyncio.run(run())


def test_logging_out_of_a_session_that_telegram_no_longer_knows_is_no_error() -> None:
    telegram = PlayedTelegram()
    telegram.refusal = lambda _: errors.AuthKeyNotFound()

    async def run() -> bool:
        return await log_out(telegram.client())

    assert not asyncio.run(run())


def test_the_session_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    settings = UserSessionSettings(api_id=1, api_hash="0" * 32, folder=tmp_path / "a" / "b")

    async def run() -> None:
        client = open_client(settings)
        client.session.close()

    asyncio.run(run())
    assert settings.folder.stat().st_mode & 0o777 == 0o700
    assert session_file(settings.folder).stat().st_mode & 0o777 == 0o600
    assert remove_session(settings.folder)
    assert not remove_session(settings.folder)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.FloodWaitError(None, capture=37), "Telegram asks to wait 37 s"),
        (errors.PhoneNumberBannedError(None), "Telegram has banned this phone number"),
        (errors.ApiIdInvalidError(None), "TELEGRAM_API_ID and TELEGRAM_API_HASH do not belong together"),
        (ConnectionRefusedError(111, "Connection refused"), "Telegram cannot be reached: Connection refused"),
        (TimeoutError(), "Telegram did not answer in time"),
        (
            asyncio.IncompleteReadError(b"", 4),
            "Telegram cannot be reached: the connection was cut, perhaps by a firewall or proxy",
        ),
    ],
)
def test_refusals_are_said_in_plain_words(error: Exception, words: str) -> None:
    assert plain_words(error) == words
