"""Reading everything again: the difference is shown field by field, and written only when asked for."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from actors.grammar import read
from actors.grammar.outcome import OutcomePolicy, settle
from engine.model import Reading
from ops.cli import app
from ops.commands import replay
from ops.stores import RETENTION
from storage.postgres.archive import Archive
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.integration.reading.conftest import CHANNEL, START, Store, message
from tests.integration.reading.test_events import STORY, block, served
from tests.support.databases import as_engine

POLICY = OutcomePolicy(retention=RETENTION)


def run(
    database: Database, *, apply: bool = False, now: datetime | None = None
) -> tuple[list[str], replay.Replay]:
    ledger = Ledger(database, grammar_version="next")
    again = replay.Replay(Archive(database), ledger, policy=POLICY, now=now or datetime.now(UTC))
    return [str(d) for d in again.run(channel=None, since=None, apply=apply)], again


def former_grammar(text: str | None, caption: str | None = None) -> Reading:
    """Read as a grammar with faults would: it misses VALE3, and reads commas away."""
    if text and "VALE3" in text:
        return read("Bom dia!")
    return read(text.replace("10,00", "1000") if text else text, caption)


@pytest.fixture
def stored_by_former(database: Database) -> None:
    now = datetime.now(UTC)
    outcomes = [settle(m, now=now, policy=POLICY, reading=former_grammar(m.text)) for m in STORY]
    Ledger(database, grammar_version="former").record(outcomes)


def test_the_same_grammar_reads_everything_the_same(database: Database, store: Store) -> None:
    store(STORY)
    lines, again = run(database)
    assert lines == []
    assert again.report.messages == len(STORY)


@pytest.mark.usefixtures("stored_by_former")
def test_differences_are_shown_and_nothing_is_written(database: Database) -> None:
    before = served(database)
    lines, again = run(database)
    text = "\n".join(lines)
    assert "changed  -1001649127710 1 #0: buy_min 1000 -> 10.00, buy_max 1000 -> 10.00" in text
    assert "added    -1001649127710 2 #0: side buy, asset VALE3" in text
    assert "outcome  -1001649127710 7: not_signal (no_ticker) -> cancel" in text
    assert served(database) == before
    assert "nothing written" in again.report.words(applied=False)


@pytest.mark.usefixtures("stored_by_former")
def test_json_holds_every_difference_with_its_fields_and_prices_as_strings(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, again = run(database)
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL", as_engine(migrated_url))
    result = CliRunner().invoke(app, ["replay", "--json"])
    assert result.exit_code == 0
    body = json.loads(result.stdout)
    differences = body.pop("differences")
    assert body == {
        "messages": len(STORY),
        "passedOver": 0,
        "differing": again.report.differing,
        "counts": {"added": 0, "changed": 0, "lost": 0, "events": 0, "half": 0, "outcome": 0}
        | again.report.by_kind,
        "applied": False,
        "written": 0,
    }
    assert len(differences) == len(lines)
    changed = next(one for one in differences if one["what"] == "changed")
    assert (changed["channel"], changed["messageId"], changed["position"]) == (CHANNEL, "1", 0)
    assert changed["before"]["buy_min"] == "1000"
    assert changed["after"]["buy_min"] == "10.00"
    added = next(one for one in differences if one["what"] == "added")
    assert (added["before"], added["after"]["asset"]) == ({}, "VALE3")
    kinds = next(one for one in differences if one["what"] == "outcome" and one["messageId"] == "7")
    assert kinds["before"] == {"outcome": "not_signal", "reason": "no_ticker"}
    assert kinds["after"]["outcome"] == "cancel"


@pytest.mark.usefixtures("stored_by_former")
def test_apply_writes_the_new_readings_and_keeps_the_former_in_history(database: Database) -> None:
    lines, _ = run(database, apply=True)
    assert lines
    page = Signals(database, retention=RETENTION).find(SignalQuery(limit=100))
    assert {row["buy_min"] for row in page.rows} == {Decimal("10.00"), Decimal("10.50")}
    assert served(database)["2"][0] == "cancelled"
    assert run(database)[0] == []
    history = database.read(
        lambda c: c.execute("select count(*) as n from signals.signals_history").fetchone()
    )
    assert history is not None
    assert history["n"] >= 2


@pytest.mark.usefixtures("stored_by_former")
def test_apply_in_several_transactions_links_every_event_to_its_signal(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "_BATCH", 1)
    _, again = run(database, apply=True)
    assert again.report.applied == again.report.differing > 1
    assert served(database)["2"][0] == "cancelled"
    assert run(database)[0] == []


def test_what_is_past_retention_is_not_brought_back(database: Database, store: Store) -> None:
    store([message(1, block("PETR4"), minute=0)])
    database.write(lambda c: c.execute("delete from signals.tp_capital_signals"))
    later = START + RETENTION + timedelta(days=1)
    lines, again = run(database, apply=True, now=later)
    assert lines == []
    assert again.report.messages == 0
