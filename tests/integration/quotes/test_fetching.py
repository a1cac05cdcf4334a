"""A daemon with a quote service: the assets of its signals get bars, and its health says what the service says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.bars import Interval
from engine.sessions import session_hours, sessions_before
from engine.timers import TimerThread
from storage.postgres.bars import Bars
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.open_assets import OpenAssets
from tests.support.databases import SCHEMA, as_engine
from tests.support.httpstub import Answer, HttpStub, json_answer
from tests.support.outcomes import a_message, signal_outcome
from tests.support.stack import engine_environment, eventually, running_daemon


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """Open a client of the test's database."""
    timers = TimerThread()
    database = Database(as_engine(migrated_url), schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    yield database
    database.close()
    timers.close()


def test_bars_of_valid_signals_are_fetched_and_a_refusal_is_told(
    database: Database, migrated_url: str
) -> None:
    now = datetime.now(UTC)
    assert OpenAssets(database).names() == []
    outcome = signal_outcome(a_message(1, received_at=now, telegram_date=now, updated_at=now))
    Ledger(database, grammar_version="g1").record([outcome])
    symbol = outcome.signals[0].asset
    assert OpenAssets(database).names() == [symbol]

    opened_at = session_hours(sessions_before(now.date(), 2)[-1])[0]
    row = {"date": int(opened_at.timestamp()), "open": 35.25, "high": 35.39, "low": 34.75, "close": 34.84}
    quoted = json_answer({"results": [{"symbol": symbol, "historicalDataPrice": [row]}]})
    with HttpStub(Answer(status=429, headers={"Retry-After": "1"})) as stub:
        own = {"QUOTES_URL": stub.url, "QUOTES_TOKEN": "of-tests"}
        with running_daemon(
            engine_environment(as_engine(migrated_url), "http://127.0.0.1:9", **own)
        ) as engine:
            eventually(
                lambda: "too many requests" in str(engine.detail("quotes")), what="the refusal is not told"
            )
            stub.answer(quoted)
            eventually(lambda: engine.check("quotes") == "healthy", deadline_s=60, what="no prices come")
            assert [bar.opened_at for bar in Bars(database).newest(symbol).values()] == [opened_at]
    assert Bars(database).newest(symbol).keys() == {Interval.DAY}
    assert {request.headers["authorization"] for request in stub.requests} == {"Bearer of-tests"}
