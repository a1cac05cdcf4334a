"""The client of a quote service against a server that answers as brapi.dev documents."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.bars import Interval
from engine.timers import TimerThread
from storage.quotes.service import QuotesError, QuoteService, QuotesRefusedError, UnknownSymbolError
from tests.support.httpstub import Answer, HttpStub, json_answer

#: 2026-11-27 at 10:00 in São Paulo
FRIDAY = int(datetime(2026, 11, 27, 13, tzinfo=UTC).timestamp())
ROW = {
    "date": FRIDAY,
    "open": 35.25,
    "high": 35.39000015258789,
    "low": 34.75,
    "close": 34.84,
    "volume": 27611800,
    "adjustedClose": 34.4701,
}


def quoted(*rows: object, symbol: str = "ITUB4") -> Answer:
    return json_answer(
        {"results": [{"symbol": symbol, "historicalDataPrice": list(rows)}], "requestedAt": "", "took": "0ms"}
    )


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub() as stub:
        yield stub


@pytest.fixture
def service(stub: HttpStub) -> Iterator[QuoteService]:
    timers = TimerThread()
    service = QuoteService(stub.url, token="of-tests", timeout_s=20, timers=timers)
    yield service
    service.close()
    timers.close()


def test_a_history_of_days_is_asked_with_the_token_and_read_exactly(
    stub: HttpStub, service: QuoteService
) -> None:
    stub.answer(quoted(ROW))
    (bar,) = service.history("ITUB4", interval=Interval.DAY, back="3mo")
    assert stub.requests[0].path == "/api/quote/ITUB4?range=3mo&interval=1d"
    assert stub.requests[0].headers["authorization"] == "Bearer of-tests"
    assert (bar.open, bar.high, bar.close, bar.volume) == (
        Decimal("35.25"),
        Decimal("35.39"),
        Decimal("34.84"),
        27611800,
    )
    assert (bar.opened_at.day, bar.closed_at.hour) == (27, 21)


def test_original_prices_are_preferred_and_a_day_may_be_midnight(
    stub: HttpStub, service: QuoteService
) -> None:
    raw = {"rawOpen": 70.5, "rawHigh": 70.78, "rawLow": 69.5, "rawClose": 69.68}
    stub.answer(quoted(ROW | raw | {"date": FRIDAY - 13 * 3600}))
    (bar,) = service.history("ITUB4", interval=Interval.DAY, back="3mo")
    assert (bar.open, bar.opened_at.day) == (Decimal("70.5"), 27)


def test_minutes_are_instants_and_rows_without_prices_are_left_out(
    stub: HttpStub, service: QuoteService
) -> None:
    rows = [{"date": FRIDAY + 600, "open": None}, ROW | {"date": FRIDAY + 300}, ROW, "x", ROW | {"high": 1}]
    stub.answer(quoted(*rows))
    bars = service.history("ITUB4", interval=Interval.FIVE_MINUTES, back="5d")
    assert [bar.opened_at.minute for bar in bars] == [0, 5]


@pytest.mark.parametrize(
    ("answer", "wait_s", "reason"),
    [
        (Answer(status=429, headers={"Retry-After": "7"}), 7, "too many requests"),
        (Answer(status=429), 60, "too many requests"),
        (Answer(status=402), 21600, "used up"),
        (Answer(status=401), 3600, "QUOTES_TOKEN"),
    ],
)
def test_a_refusal_says_how_long_to_wait(
    stub: HttpStub, service: QuoteService, answer: Answer, wait_s: float, reason: str
) -> None:
    stub.answer(answer)
    with pytest.raises(QuotesRefusedError, match=reason) as caught:
        service.history("ITUB4", interval=Interval.DAY, back="3mo")
    assert caught.value.wait_s == wait_s
    assert "of-tests" not in str(caught.value)


@pytest.mark.parametrize("answer", [Answer(status=404), quoted(ROW, symbol="PETR4"), quoted()])
def test_a_symbol_without_prices_is_unknown(stub: HttpStub, service: QuoteService, answer: Answer) -> None:
    stub.answer(answer)
    with pytest.raises(UnknownSymbolError):
        service.history("ITUB4", interval=Interval.DAY, back="3mo")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        Answer(body=b"<html>"),
        Answer(body=b"[]"),
        json_answer({"error": True, "message": "maintenance"}),
        json_answer({"results": None}),
        quoted(ROW | {"close": "x"}),
        Answer(body=b"x" * 100, cut_after=10),
        Answer(hang_up=True),
    ],
)
def test_anything_else_is_a_failure(stub: HttpStub, service: QuoteService, answer: Answer) -> None:
    stub.answer(answer)
    with pytest.raises(QuotesError) as caught:
        service.history("ITUB4", interval=Interval.DAY, back="3mo")
    assert type(caught.value) is QuotesError
