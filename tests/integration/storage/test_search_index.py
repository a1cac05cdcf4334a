"""Searches: the same signals with and without the index, which is made as soon as it can be."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from engine.timers import TimerThread
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.schema import Strategy, migrate
from storage.postgres.search_index import what_search_lacks
from storage.postgres.signals import Signals
from tests.support.databases import SCHEMA, as_engine
from tests.support.outcomes import a_message, a_signal, signal_outcome

Ask = Callable[..., list[dict[str, Any]]]
Search = Callable[[str], list[str]]
TEXTS = ("Compra AÇÃO já", "venda petr4 çÇéÉ", "100% a_b \\ 'x'", "Σίσυφος straße İi", "ab", "")
ASKED = (
    *("ação", "AÇÃO", "acao", "Petr4", "çç", "ÇÇ", "É", "100%", "a_b", "\\", "'", "σίσυφος", "STRASSE", "ß"),
    *("i", "İ", "ab", "AB", "none of these", "VALE3", "vale", "a  ", " ", "compra ação já", "ra AÇ"),
)


@pytest.fixture
def search(database: Database, ledger: Ledger, ask: Ask) -> Search:
    """Store the texts and give a search by the index alone, where there is one."""
    at = datetime.now(UTC)
    for number, text in enumerate(TEXTS, 1):
        message = a_message(number, text=text, received_at=at, telegram_date=at, updated_at=at)
        ledger.record([signal_outcome(message, a_signal("VALE3" if number % 2 else "PETR4"))])
    signals = Signals(database, retention=RETENTION)

    def run(words: str) -> list[str]:
        return [row["message_id"] for row in signals.find(SignalQuery(search=words)).rows]

    return run


@pytest.fixture
def the_planner_prefers_the_index(direct_url: str) -> None:
    """Have the server use the index even for a few rows."""
    with psycopg.connect(direct_url, autocommit=True) as owner:
        for name in ("enable_seqscan", "enable_indexscan"):
            owner.execute(f"alter database {owner.info.dbname} set {name} = off".encode())


@pytest.mark.every_way
@pytest.mark.usefixtures("the_planner_prefers_the_index")
def test_the_index_finds_what_reading_every_signal_finds(search: Search, ask: Ask) -> None:
    with_index = {words: search(words) for words in ASKED}
    assert with_index["ação"] == with_index["AÇÃO"] == ["1"]
    assert with_index["acao"] == []
    ask("drop index tp_capital_signals_search")
    assert {words: search(words) for words in ASKED} == with_index


def test_an_absent_word_and_an_absent_type_are_found_to_be_absent_by_their_index(
    database: Database, ledger: Ledger, ask: Ask
) -> None:
    settings = "set enable_seqscan = off; set enable_indexscan = off"
    ask(settings)
    for condition, index in (
        ("asset ilike '%%word%%' or raw_message ilike '%%word%%'", "raw_message_idx"),
        ("lower(signal_type) = 'none'", "lower_ts_id_idx"),
    ):
        plan = ask(f"explain select from tp_capital_signals where {condition}")
        assert any(index in row["QUERY PLAN"] for row in plan)


def test_a_server_without_the_extension_goes_on_without_and_gets_the_index_later(
    direct_url: str, search: Search, ask: Ask, database: Database
) -> None:
    ask("drop extension pg_trgm cascade")
    assert search("ação") == ["1"]
    remedy = database.read(lambda cursor: what_search_lacks(cursor, SCHEMA))
    assert remedy is not None
    assert remedy.startswith("as a superuser: create extension pg_trgm")
    timers = TimerThread()
    try:
        as_the_engine = migrate(as_engine(direct_url), schema=SCHEMA, strategy=Strategy.NEON, timers=timers)
        assert as_the_engine == (), "its role may not make an extension, and that stops nothing"
        assert migrate(direct_url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers) == ("search_index",)
    finally:
        timers.close()
    assert search("ação") == ["1"]
    assert database.read(lambda cursor: what_search_lacks(cursor, SCHEMA)) is None
