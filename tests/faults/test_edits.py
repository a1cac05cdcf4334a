"""Fault 85: an edit in every gap between fetch and acknowledgement, and a kill at each; the last text is served."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.between import Between, Hook, edit_raw, edit_to
from tests.support.httpstub import Answer
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    engine_environment,
    eventually,
    running_daemon,
)

LOST = Answer(hang_up=True)
#: an hour the tail check covers; a month it does not
AGES_S = (60.0, 30 * 86_400.0)
GAPS = ("fetched", "not sent", "marked", "answered")
#: where the gateway has marked the message before the edit: ours is edited by its API alone, which asks for a re-reading
AFTER_THE_MARK = ("marked", "answered")


@pytest.fixture(params=["ours", "plain"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which gateway: ours compares, the other marks by message id alone."""
    return str(request.param)


@pytest.fixture
def between(gateway: GatewayProcess, kind: str) -> Iterator[Between]:
    with Between(gateway, plain=kind == "plain") as stub:
        yield stub


class Edited:
    """Four messages of one batch: a minute and a month old, edited by the API or otherwise."""

    def __init__(self, gateway: GatewayProcess, first: int, *, raw: bool) -> None:
        self._gateway = gateway
        self._raw = raw
        self._ages = dict(zip(range(first, first + 4), AGES_S * 2, strict=True))
        self._first = first
        self.at_s = 0.0

    def put(self) -> None:
        put(self._gateway.database_url, (signal_message(n, ago_s=age) for n, age in self._ages.items()))

    def edit(self) -> None:
        for number, age_s in self._ages.items():
            message = signal_message(number, ago_s=age_s) | {"text": signal_message(number + 1000)["text"]}
            by_api = number < self._first + 2
            (edit_to if by_api or not self._raw else edit_raw)(self._gateway, message)
        self.at_s = time.monotonic()

    @property
    def expected(self) -> list[tuple[str, str, object]]:
        return [(CHANNEL, str(number), expected_price(number + 1000)) for number in self._ages]

    def known(self, dsn: str) -> bool:
        """Return whether any of them is stored, with whichever text."""
        return any(int(row[1]) in self._ages for row in stored_signals(dsn))

    def stored(self, dsn: str) -> bool:
        return [row for row in stored_signals(dsn) if int(row[1]) in self._ages] == self.expected


def arm(between: Between, gap: str, edit: Hook, *, stored: Callable[[], bool]) -> None:
    """Have ``edit`` called in a gap; it may return what the engine gets instead of the answer.

    An acknowledgement before the messages are ``stored`` is one of earlier messages: a slow answer was given up, say,
    and it is sent once more.
    """
    hooks = {
        "fetched": (between.after, "unprocessed"),
        "not sent": (between.before, "mark-processed"),
        "marked": (between.after, "mark-processed"),
    }
    where, word = hooks[gap]

    def in_the_gap() -> Answer | None:
        if gap == "fetched" or stored():
            return edit()
        where[word] = in_the_gap
        return None

    where[word] = in_the_gap


@pytest.mark.timeout(180)
def test_fault_85_an_edit_in_any_gap_before_the_acknowledgement_is_read(
    gateway: GatewayProcess, between: Between, kind: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a kill: within a polling interval at our gateway, a call or a back-off later at the other."""
    environment = engine_environment(database_url, between.url)
    with running_daemon(environment) as engine:
        engine.wait_healthy()
        for place, gap in enumerate(GAPS[:3]):
            messages = Edited(gateway, 100 * (place + 1), raw=True)

            def in_the_gap(messages: Edited = messages, gap: str = gap) -> Answer | None:
                messages.edit()
                return LOST if gap == "marked" else None

            arm(between, gap, in_the_gap, stored=functools.partial(messages.known, database_url))
            messages.put()
            eventually(
                lambda messages=messages: messages.stored(database_url), what=f"{gap}: not the last text"
            )
            # by a poll, or by the second try of a lost answer; the audit of the history comes after minutes
            assert time.monotonic() - messages.at_s < 15.0, gap
        eventually(lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 0)


@pytest.mark.timeout(300)
def test_fault_85_an_edit_in_any_gap_is_read_by_the_daemon_that_comes_after_a_kill(
    gateway: GatewayProcess, between: Between, kind: str, database_url: str, folder: Path
) -> None:
    with EngineProcess(engine_environment(database_url, between.url), folder) as engine:
        for place, gap in enumerate(GAPS):
            engine.wait_healthy()
            messages = Edited(gateway, 100 * (place + 1), raw=kind == "plain" or gap not in AFTER_THE_MARK)

            def edit_and_kill(messages: Edited = messages) -> Answer:
                messages.edit()
                engine.kill()
                return LOST

            def after_the_answer(hook: Hook = edit_and_kill) -> None:
                # the gateway has marked and answered: the edit and the kill come before the second look
                between.before["messages"] = hook

            stored = functools.partial(messages.known, database_url)
            if gap != "answered":
                arm(between, gap, edit_and_kill, stored=stored)
            elif kind == "plain":
                arm(between, "marked", after_the_answer, stored=stored)
            else:
                continue  # our gateway needs no second look: an edit from here on is a later one
            messages.put()
            eventually(
                lambda: engine.process is not None and engine.process.poll() is not None,
                what=f"{gap}: no request came into the gap",
            )
            engine.start()
            eventually(
                lambda messages=messages: messages.stored(database_url),
                # a start on a busy machine takes its time
                deadline_s=60,
                what=f"{gap}: not the last text",
            )


@pytest.mark.timeout(240)
def test_fault_85_a_second_edit_between_a_rereading_and_its_owed_acknowledgement_is_read(
    gateway: GatewayProcess, between: Between, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forced example: the old price was served for good."""
    monkeypatch.setattr("actors.poller.REPROCESS_EVERY_S", 0.5)
    number, month_s = 7, AGES_S[1]
    first, second = (
        signal_message(number, ago_s=month_s) | {"text": signal_message(other)["text"]}
        for other in (100, 200)
    )
    with running_daemon(engine_environment(database_url, between.url)) as engine:
        put(gateway.database_url, [signal_message(number, ago_s=month_s)])
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "7", expected_price(number))])
        eventually(lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 0)
        between.failing["mark-processed"] = LOST
        edit_to(gateway, first)
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "7", expected_price(100))])
        edit_to(gateway, second)
        del between.failing["mark-processed"]
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "7", expected_price(200))])


@pytest.mark.timeout(240)
def test_fault_85_an_edit_of_an_old_message_that_no_poll_brings_is_found_by_the_audit(
    gateway: GatewayProcess, between: Between, database_url: str
) -> None:
    message = signal_message(7, ago_s=AGES_S[1])
    environment = engine_environment(database_url, between.url, GATEWAY_FULL_CHECK_MS="1000")
    with running_daemon(environment) as engine:
        put(gateway.database_url, [message])
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "7", expected_price(7))])
        eventually(lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 0)
        edit_raw(gateway, message | {"text": signal_message(100)["text"]})
        eventually(lambda: stored_signals(database_url) == [(CHANNEL, "7", expected_price(100))])
