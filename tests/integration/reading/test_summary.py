"""Counts of the last days: in the reader's zone, and agreeing with what the list says of each signal."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ops.stores import RETENTION
from storage.errors import RowsRefusedError
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from storage.postgres.summary import Summaries, Summary
from tests.integration.reading.conftest import START, Store, message

SHORT = "Ativo: {}\nVenda: 10,00\nAlvo 1: 9,00\nStop: 11,00"
LONG = "Ativo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00"


def counted(database: Database, *, days: int = 30, zone: str = "UTC") -> Summary:
    return Summaries(database, retention=RETENTION).read(days=days, zone=zone)


def by_day(summary: Summary) -> dict[date, tuple[int, int]]:
    return {day.day: (day.buy, day.sell) for day in summary.days if day.buy or day.sell}


def test_a_fresh_schema_has_days_and_nothing_in_them(database: Database) -> None:
    summary = counted(database, days=7)
    today = datetime.now(UTC).date()
    assert [day.day for day in summary.days] == [today - timedelta(days=n) for n in range(6, -1, -1)]
    assert by_day(summary) == {}
    assert summary.outcomes == {"open": 0}
    assert (summary.messages, summary.types, summary.assets, summary.newest_message_at) == ({}, {}, {}, None)


def test_days_begin_in_the_readers_zone(database: Database, store: Store) -> None:
    midnight = datetime.combine((START - timedelta(days=1)).date(), datetime.min.time(), tzinfo=UTC)
    minute = round((midnight - START).total_seconds() / 60)
    # half an hour before and after midnight in UTC; both are of the evening before in São Paulo
    store(
        [
            message(1, LONG.format("PETR4"), minute=minute - 30),
            message(2, SHORT.format("VALE3"), minute=minute + 30),
        ]
    )
    before, after = midnight.date() - timedelta(days=1), midnight.date()
    assert by_day(counted(database)) == {before: (1, 0), after: (0, 1)}
    assert by_day(counted(database, zone="America/Sao_Paulo")) == {before: (1, 1)}
    here = datetime.now(ZoneInfo("Pacific/Auckland")).date()
    assert counted(database, days=1, zone="Pacific/Auckland").days[-1].day == here


def test_outcomes_are_the_lists_own_and_messages_the_ledgers(database: Database, store: Store) -> None:
    store([message(n, LONG.format(f"PETR{n}"), minute=n) for n in range(3, 10)])
    store(
        [
            message(20, "PETR3 ALVO 1 ATINGIDO ✅", minute=20),
            message(21, "PETR3 alvo 2 atingido", minute=21),
            message(22, "PETR4 ALVO 1 ATINGIDO ✅", minute=20),
            message(23, "Stop acionado em PETR4 -3%", minute=21),
            message(24, "PETR4 alvo 2 atingido", minute=22),
            message(25, "❌ Operação CANCELADA - desconsiderem o sinal de PETR5", minute=20),
            message(26, "PETR6 alvo final atingido", minute=20),
            message(27, "PETR6 ALVO 1 ATINGIDO ✅", minute=21),
            message(28, "Subir stop de PETR7 para 10,00", minute=20),
            message(29, "Bom dia, traders!", minute=30),
        ]
    )
    summary = counted(database)
    rows = Signals(database, retention=RETENTION).find(SignalQuery(limit=1000)).rows
    assert summary.outcomes == Counter(row["status"] for row in rows)
    assert summary.outcomes["open"] == 3
    assert {"target_2", "stopped", "cancelled", "target_final"} <= set(summary.outcomes)
    assert summary.types == {"Swing Trade": 7}
    assert sum(summary.assets.values()) == 7
    assert summary.messages["signal"] == 7
    assert summary.messages["not_signal"] == 1
    assert sum(summary.messages.values()) == 17
    assert summary.newest_message_at == START + timedelta(minutes=30)


def test_what_is_older_than_the_days_asked_for_is_not_counted(database: Database, store: Store) -> None:
    store([message(1, LONG.format("PETR4"), minute=0), message(2, LONG.format("VALE3"), minute=-10 * 1440)])
    assert counted(database, days=5).assets == {"PETR4": 1}
    assert counted(database, days=5).messages == {"signal": 1}
    assert counted(database, days=30).assets == {"PETR4": 1, "VALE3": 1}


def test_an_unknown_zone_is_refused(database: Database) -> None:
    with pytest.raises(RowsRefusedError):
        counted(database, zone="Mars/Olympus")
