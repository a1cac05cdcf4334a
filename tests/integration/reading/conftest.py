"""A migrated database, and the way from a text to its rows without actors."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.enrichment.calculator import Calculator
from actors.grammar import GRAMMAR_VERSION
from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import ChannelMessage
from engine.timers import TimerThread
from ops.cli import app
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.support.databases import as_engine
from tests.support.enriching import Enriching

CHANNEL = "-1001649127710"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)

Store = Callable[[Sequence[ChannelMessage]], None]
Command = Callable[..., str]


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    timers = TimerThread()
    database = Database(as_engine(migrated_url), schema="signals", pool_max=5, timers=timers)
    database.open()
    yield database
    database.close()
    timers.close()


@pytest.fixture
def store(database: Database) -> Store:
    """Give a function that reads messages and makes their outcomes durable, as parser and writer do."""
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    policy = OutcomePolicy(retention=RETENTION)

    def record(messages: Sequence[ChannelMessage]) -> None:
        now = datetime.now(UTC)
        ledger.record([settle(m, now=now, policy=policy) for m in messages])

    return record


def message(
    number: int, text: str, *, minute: int, reply_to: int | None = None, version: int = 0
) -> ChannelMessage:
    """Return message ``number``, sent ``minute`` minutes after the start; ``version`` counts its edits."""
    at = START + timedelta(minutes=minute)
    return ChannelMessage(
        channel=CHANNEL,
        message_id=str(number),
        gateway_id=f"g{number}",
        ack_id=str(number),
        text=text,
        caption=None,
        source="telegram",
        status="received",
        received_at=at,
        telegram_date=at,
        updated_at=at + timedelta(minutes=version),
        reply_to=str(reply_to) if reply_to is not None else None,
    )


@pytest.fixture(scope="module")
def calculator() -> Iterator[Calculator]:
    calculator = Calculator()
    yield calculator
    calculator.close()


@pytest.fixture
def command(migrated_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run a command against the test's database and return what it prints."""
    monkeypatch.setenv("TP_CAPITAL_DB_STRATEGY", "neon")
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL", as_engine(migrated_url))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def world(database: Database, calculator: Calculator) -> Enriching:
    return Enriching(database, calculator)
