"""Counts of the last days: in the reader's zone, and agreeing with what the list says of each signal."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import sql

from ops.stores import RETENTION
from storage.errors import RowsRefusedError
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from storage.postgres.standings import fill
from storage.postgres.summary import Summaries, Summary, SummaryQuery
from tests.integration.reading.conftest import CHANNEL, START, Store, message

SHORT = "Ativo: {}\nVenda: 10,00\nAlvo 1: 9,00\nStop: 11,00"
LONG = "Ativo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00"


def counted(
    database: Database, *, days: int = 30, zone: str = "UTC", signals: SignalQuery | None = None
) -> Summary:
    query = SummaryQuery(days=days, zone=zone, signals=signals or SignalQuery())
    return Summaries(database, retention=RETENTION).read(query)


def by_day(summary: Summary) -> dict[date, tuple[int, int]]:
    return {day.day: (day.buy, day.sell) for day in summary.days if day.buy or day.sell}


def test_a_fresh_schema_has_days_and_nothing_in_them(database: Database) -> None:
    summary = counted(database, days=7)
    today = datetime.now(UTC).date()
    assert [day.day for day in summary.days] == [today - timedelta(days=n) for n in range(6, -1, -1)]
    assert by_day(summary) == {}
    assert summary.outcomes == {}
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
    assert {"waiting", "open", "target_2", "stopped", "cancelled", "target_final"} <= set(summary.outcomes)
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


# signals of each third quarter of an hour, and of the instant before it, from long before the retention to two days ahead
ADD = """
insert into {} (ts, channel, message_id, position, signal_type, side, asset, targets, warnings, raw_message, source,
    provenance, grammar_version, commit_number, ingested_at)
select at - before, '-1', g || ' ' || before, 0, 'Type ' || g % 2, case when g % 5 < 2 then 'buy' else 'sell' end,
    'PETR' || g % 7, '{{}}', '{{}}', 'text', 'telegram', '{{}}', 'g', 0, at
from (select g, date_trunc('hour', now()) - g * interval '15 minutes' as at from generate_series(-200, 9500) as g) as made
cross join (values (interval '0'), (interval '1 microsecond')) as given (before)
where abs(hashint4(g)) % 3 = 0
"""
# each signal's own day in the reader's zone; nothing is counted together first; a day to come is not shown
NAIVE = """
select (ts at time zone %(zone)s)::date as day, side, signal_type, asset,
    (ts at time zone %(zone)s)::date <= (now() at time zone %(zone)s)::date as shown
from {}
where ts > now() - %(retention)s
    and (ts at time zone %(zone)s)::date > (now() at time zone %(zone)s)::date - %(days)s
"""
#: offsets of half hours and quarters, and clocks that repeat or skip a midnight, half an hour or two hours
ODD_ZONES = (
    "UTC",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "America/Asuncion",
    "Pacific/Marquesas",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Antarctica/Troll",
    "America/Godthab",
    "Europe/London",
)


def naive(database: Database, *, days: int, zone: str) -> tuple[Counter[object], ...]:
    """Return the counts of the rows: by day and side, by type, by asset."""
    statement = sql.SQL(NAIVE).format(sql.Identifier(database.schema, "tp_capital_signals"))
    values = {"days": days, "zone": zone, "retention": RETENTION}
    rows = database.read(lambda cursor: cursor.execute(statement, values).fetchall())
    return (
        Counter((row["day"], row["side"]) for row in rows if row["shown"]),
        Counter(row["signal_type"] for row in rows),
        Counter(row["asset"] for row in rows),
    )


def test_every_zones_days_are_those_of_each_signal_alone(database: Database) -> None:
    add = sql.SQL(ADD).format(sql.Identifier(database.schema, "tp_capital_signals"))
    database.write(lambda cursor: cursor.execute(add))
    database.write(lambda cursor: fill(cursor, database.schema))
    filtered = SignalQuery(side=("buy", "sell"))
    for zone in ODD_ZONES:
        for days, signals in itertools.product((2, 90), (SignalQuery(), filtered)):
            expected = naive(database, days=days, zone=zone)
            while True:
                summary = counted(database, days=days, zone=zone, signals=signals)
                before, expected = expected, naive(database, days=days, zone=zone)
                # otherwise a day or a signal's retention ended between the two
                if expected == before:
                    break
            found = Counter({(day.day, "buy"): day.buy for day in summary.days})
            found.update({(day.day, "sell"): day.sell for day in summary.days})
            assert (found, summary.types, summary.assets) == expected, (zone, days, signals)


FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Pacific/Auckland"])
@pytest.mark.parametrize(("since", "until"), [*itertools.product((FIRST, LAST, None), (FIRST, LAST, START))])
def test_a_period_may_begin_and_end_at_the_ends_of_time(
    database: Database, store: Store, since: datetime | None, until: datetime, zone: str
) -> None:
    """A period that begins after its end is empty, as the list is."""
    store([message(1, LONG.format("PETR4"), minute=0)])
    signals = SignalQuery(since=since, until=until)
    summary = counted(database, zone=zone, signals=signals)
    listed = len(Signals(database, retention=RETENTION).find(replace(signals, limit=10)).rows)
    assert sum(summary.types.values()) == listed == sum(sum(day) for day in by_day(summary).values())


def test_an_unknown_zone_is_refused(database: Database) -> None:
    with pytest.raises(RowsRefusedError):
        counted(database, zone="Mars/Olympus")


FILTERS: dict[str, tuple[Any, ...]] = {
    "channel": ((CHANNEL,), ("-7",)),
    "asset": (("petr3", "PETR4"),),
    "side": (("sell",), ("buy", "sell")),
    "signal_type": (("swing trade",), ("day trade",)),
    "status": (("target",), ("waiting", "stopped"), ("valid",)),
    "outcome": (("not_ended",), ("ended", "running")),
    "search": ("petr", "ativo: vale"),
    "since": (START + timedelta(minutes=4), START - timedelta(days=400)),
    "until": (START + timedelta(minutes=7), START - timedelta(days=1)),
}


@pytest.mark.parametrize(
    "names", [(), *itertools.combinations(FILTERS, 1), *itertools.combinations(FILTERS, 2)]
)
def test_whatever_the_list_is_filtered_by_its_signals_are_counted(
    database: Database, store: Store, names: tuple[str, ...]
) -> None:
    store([message(n, (LONG if n % 3 else SHORT).format(f"PETR{n}"), minute=n) for n in range(3, 8)])
    store([message(n, "Day trade\n" + SHORT.format(f"VALE{n}"), minute=n) for n in range(3, 6)])
    store(
        [message(20, "PETR3 ALVO 1 ATINGIDO ✅", minute=20), message(21, "Stop acionado em PETR4", minute=20)]
    )
    signals = Signals(database, retention=RETENTION)
    for values in itertools.product(*(FILTERS[name] for name in names)):
        query = SignalQuery(limit=1000, **dict(zip(names, values, strict=True)))
        rows = signals.find(query).rows
        found = counted(database, signals=query)
        assert found.outcomes == Counter(row["status"] for row in rows), query
        assert found.types == Counter(row["signal_type"] for row in rows)
        assert found.assets == Counter(row["asset"] for row in rows)
        assert sum(day.buy + day.sell for day in found.days) == len(rows)
        assert found.until == query.until
        if query.since is not None:
            assert found.since == max(query.since, found.since)
        if names == ("until",):
            assert found.days[-1].day == values[0].date()
            assert len(found.days) == 30


def test_messages_are_counted_of_the_channels_and_the_period(database: Database, store: Store) -> None:
    store([message(n, "Bom dia, traders!", minute=n) for n in range(1, 6)])

    def messages(**filters: Any) -> int:
        return sum(counted(database, signals=SignalQuery(**filters)).messages.values())

    assert messages() == messages(channel=(CHANNEL, "-7")) == messages(asset=("PETR4",)) == 5
    assert messages(channel=("-7",)) == 0
    assert messages(since=START + timedelta(minutes=2), until=START + timedelta(minutes=4)) == 3
