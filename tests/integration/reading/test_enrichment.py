"""The enricher between a real database and the process that computes: what becomes of signals when they and bars change."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actors.analysis.contracts import last_day_of
from actors.enrichment.calculator import Calculator
from actors.enrichment.symbols import symbol_of
from actors.names import ENRICHER
from actors.shown.enricher_snapshot import EnricherSnapshot
from engine.bars import Bar, BarSource, Interval
from engine.instruments import Instrument, InstrumentKind
from engine.sessions import day_of, midnight_after
from ops.enrichment.records import Exit, GroupBy, grouped_records
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.track_record import Outcomes
from tests.integration.reading.conftest import CHANNEL, START, Command, Store, message
from tests.support.enriching import Enriching
from tests.support.markets import bar

SIGNAL = "COMPRA\nAtivo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00\n{}"


def minute(number: int, prices: str, *, symbol: str = "PETR4") -> Bar:
    return bar(START + timedelta(minutes=number), prices, symbol=symbol)


def days(symbol: str = "PETR4", *, before: datetime = START) -> list[Bar]:
    """Return the bars of 60 days before an instant."""
    first = before - timedelta(days=61)
    return [
        bar(
            first + timedelta(days=number),
            "10 10.5 9.5 10.1",
            interval=Interval.DAY,
            symbol=symbol,
            volume=100,
        )
        for number in range(60)
    ]


def test_without_bars_nothing_is_written(world: Enriching, store: Store) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.look()
    world.see()
    assert world.rows() == {}
    shown = world.snapshots.read(ENRICHER, EnricherSnapshot)
    assert shown is not None
    assert not shown.value.on


def test_bars_say_what_became_of_the_signals_of_their_symbol(world: Enriching, store: Store) -> None:
    store(
        [
            message(number, SIGNAL.format(asset, ""), minute=0)
            for number, asset in enumerate(("PETR4", "VALE3"), 1)
        ]
    )
    world.bars.put(
        [*days(), minute(1, "10 10.2 9.9 10.1"), minute(2, "10.1 11.5 10 11.4")], source=BarSource.CSV
    )
    world.look()
    (row,) = world.rows().values()
    assert (row["asset"], row["state"], row["first_r"], row["final_r"]) == (
        "PETR4",
        "running",
        Decimal(1),
        None,
    )
    assert row["entered_at"] == START + timedelta(minutes=1)
    assert row["indicators"]["sma_20"] == pytest.approx(10.1)
    assert row["indicators"]["missing"]["sma_200"] == "too_few_bars"
    assert row["indicators"]["last_close"] == "10.1"
    assert world.commits() == 1
    assert world.bars.changes(limit=9) == ()
    shown = world.snapshots.read(ENRICHER, EnricherSnapshot)
    assert shown is not None
    assert (shown.value.written, shown.value.failures, shown.value.processes) == (1, 0, 1)
    assert shown.value.bars_until == START + timedelta(minutes=3)
    assert shown.value.behind_s is not None


def test_later_and_late_bars_recompute_only_what_they_touch(world: Enriching, store: Store) -> None:
    store(
        [message(1, SIGNAL.format("PETR4", ""), minute=0), message(2, SIGNAL.format("PETR4", ""), minute=10)]
    )
    world.bars.put([minute(1, "10 10.2 8.9 9.1"), minute(11, "10 10.2 9.9 10.1")], source=BarSource.CSV)
    world.look()
    world.see()
    before = world.enriched.of([row["id"] for row in world.signals.find(SignalQuery()).rows])
    assert sorted(row["state"] for row in before.values()) == ["running", "stopped"]
    world.bars.put([minute(12, "10.1 12 10 12")], source=BarSource.CSV)
    (change,) = world.bars.changes(limit=9)
    touched = [one for page in world.enrichment.of_symbol("PETR4", since=change.since) for one in page]
    assert [one.row["state"] for one in touched] == ["target"], "what has ended before is left alone"
    world.look()
    world.bars.put([minute(0, "10 12 9.9 12")], source=BarSource.CSV)
    world.look()
    after = world.enriched.of(list(before))
    assert sorted(row["state"] for row in after.values()) == ["target", "target"], (
        "a bar of before ended it earlier"
    )


def test_an_update_of_the_channel_recomputes_its_signal(world: Enriching, store: Store) -> None:
    world.bars.put([minute(1, "10 10.2 9.9 10.1"), minute(3, "10.1 10.2 9.4 9.5")], source=BarSource.CSV)
    world.look()
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.see()
    assert world.rows()["PETR4"]["state"] == "running"
    store([message(2, "Subir stop de PETR4 para 9,50", minute=2, reply_to=1)])
    world.see()
    row = world.rows()["PETR4"]
    assert (row["state"], row["exit"]) == ("stopped", Decimal("9.5"))


def test_what_a_channel_claims_is_held_against_prices(world: Enriching, store: Store) -> None:
    world.bars.put([minute(1, "10 10.2 9.9 10.1"), minute(3, "10.1 10.9 9.9 10.5")], source=BarSource.CSV)
    world.look()
    store(
        [
            message(1, SIGNAL.format("PETR4", ""), minute=0),
            message(2, "PETR4 ALVO 1 ATINGIDO ✅", minute=3, reply_to=1),
        ]
    )
    world.see()
    assert world.rows()["PETR4"]["claim"] == "contradicts"


def test_its_own_commits_and_the_same_bars_again_change_nothing(world: Enriching, store: Store) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    known = [*days(), minute(1, "10 10.2 9.9 10.1")]
    world.bars.put(known, source=BarSource.CSV)
    world.look()
    assert world.commits() == 1
    for _ in range(2):
        world.see()
        world.bars.put(known, source=BarSource.CSV)
        world.look()
    assert world.commits() == 0
    # another daemon that begins to enrich reads the same, and finds nothing new
    world.enricher._own.clear()
    world.enricher._position = None
    world.see()
    assert world.commits() == 0


def test_a_signal_whose_time_has_passed_by_prices_is_no_longer_open(world: Enriching, store: Store) -> None:
    valid = f"Validade: {day_of(START):%d/%m/%Y}"
    store(
        [
            message(1, SIGNAL.format("PETR4", valid), minute=0),
            message(2, "PETR4 novo alvo 13,00", minute=1, reply_to=1),
        ]
    )
    (signal,) = world.signals.find(SignalQuery()).rows
    assert signal["status"] == "open"
    far = bar(START + timedelta(days=2) - timedelta(minutes=5), "9.5 9.6 9.4 9.5")
    world.bars.put([minute(0, "9.5 9.6 9.4 9.5"), far], source=BarSource.CSV)
    world.look()
    (signal,) = world.signals.find(SignalQuery(status=("expired",))).rows
    assert (signal["status"], signal["status_reason"]) == ("expired", "prices")
    world.see()
    world.commits()
    world.see()
    assert world.commits() == 0


def test_signals_that_only_earlier_rules_have_judged_are_judged_again(
    world: Enriching, store: Store, database: Database
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.bars.put([minute(1, "10 10.2 9.9 10.1")], source=BarSource.CSV)
    world.look()
    database.write(
        lambda cursor: cursor.execute("update signals.signal_outcomes set rules = 0, state = 'waiting'")
    )
    world.enricher._renewed = ""
    world.look()
    assert world.rows()["PETR4"]["state"] == "running"


def test_a_process_that_was_killed_is_replaced(
    world: Enriching, store: Store, calculator: Calculator
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.bars.put([minute(1, "10 10.2 9.9 10.1")], source=BarSource.CSV)
    calculator.interrupt()
    while not world.rows():
        world.advance(60)
        world.look()
    assert world.rows()["PETR4"]["state"] == "running"
    shown = world.snapshots.read(ENRICHER, EnricherSnapshot)
    assert shown is not None
    assert (shown.value.failures, shown.value.processes) == (1, 2)


def test_a_continuous_future_is_judged_by_the_contract_of_its_day(world: Enriching, store: Store) -> None:
    contract = symbol_of("WINFUT", START)
    future = "COMPRA\nAtivo: WINFUT\nCompra: 130000\nAlvo 1: 131000\nStop: 129000"
    store([message(1, future, minute=0)])
    world.bars.put([minute(1, "130000 131200 129900 131100", symbol=contract)], source=BarSource.CSV)
    world.look()
    row = world.rows()["WINFUT"]
    assert (row["symbol"], row["state"], row["first_r"]) == (contract, "target", Decimal(1))


def test_an_option_has_the_indicators_of_its_paper_too(world: Enriching, store: Store) -> None:
    world.instruments.put([Instrument(symbol="PETR4", kind=InstrumentKind.SHARE)])
    store([message(1, "COMPRA\nAtivo: PETRK330\nCompra: 1,00\nAlvo 1: 1,50\nStop: 0,50", minute=0)])
    world.bars.put([*days(), minute(1, "1 1.1 0.9 1", symbol="PETRK330")], source=BarSource.CSV)
    world.look()
    row = world.rows()["PETRK330"]
    assert row["indicators"]["missing"]["sma_20"] == "no_bars"
    assert row["underlying"] == "PETR4"
    assert row["underlying_indicators"]["sma_20"] == pytest.approx(10.1)


def test_an_option_has_them_also_when_prices_of_its_paper_come_later(world: Enriching, store: Store) -> None:
    option = "COMPRA\nAtivo: PETRK330\nCompra: 1,00\nAlvo 1: 1,50\nStop: 0,50"
    store([message(1, option, minute=0), message(2, SIGNAL.format("PETZ3", ""), minute=0)])
    world.bars.put(
        [minute(1, "1 1.6 0.9 1", symbol="PETRK330"), minute(1, "1 1 1 1", symbol="PETZ3")],
        source=BarSource.CSV,
    )
    world.look()
    before = world.rows()
    assert before["PETRK330"]["underlying_indicators"] is None
    world.instruments.put([Instrument(symbol="PETR4", kind=InstrumentKind.SHARE)])
    world.bars.put(days(), source=BarSource.CSV)
    world.look()
    row = world.rows()["PETRK330"]
    assert row["underlying_indicators"]["sma_20"] == pytest.approx(10.1)
    assert (row["state"], world.rows()["PETZ3"]) == (before["PETRK330"]["state"], before["PETZ3"])


def test_what_a_contract_that_has_ended_left_undecided_ends_at_its_last_price(
    world: Enriching, store: Store
) -> None:
    # its bars are of the day on which it ended, or before
    expiry = day_of(START + timedelta(hours=1))
    option = Instrument(symbol="PETRK330", kind=InstrumentKind.CALL, expiry=expiry)
    world.instruments.put([option])
    store([message(1, "COMPRA\nAtivo: PETRK330\nCompra: 1,00\nAlvo 1: 1,50\nStop: 0,50", minute=0)])
    traded = ("1 1.1 0.9 1", "0.9 0.9 0.8 0.8")
    world.bars.put(
        [minute(number, prices, symbol="PETRK330") for number, prices in enumerate(traded, 1)],
        source=BarSource.CSV,
    )
    world.look()
    row = world.rows()["PETRK330"]
    assert (row["state"], row["exit"], row["first_r"]) == ("expired", Decimal("0.8"), Decimal("-0.4"))
    assert row["ended_at"] == midnight_after(expiry)
    # bars that come late are before its end
    world.bars.put([minute(3, "0.8 1.6 0.8 1.6", symbol="PETRK330")], source=BarSource.CSV)
    world.look()
    assert world.rows()["PETRK330"]["state"] == "target"


def test_contracts_that_have_ended_are_looked_for_each_day(world: Enriching, store: Store) -> None:
    contract = f"WINZ{(START.year + 1) % 100}"
    future = f"COMPRA\nAtivo: {contract}\nCompra: 130000\nAlvo 1: 131000\nStop: 129000"
    store([message(1, future, minute=0)])
    last = last_day_of(contract, (), START)
    assert last is not None
    world.bars.put([minute(1, "130000 130200 129900 130100", symbol=contract)], source=BarSource.CSV)
    world.look()
    assert world.rows()[contract]["state"] == "running"
    world.enrichment.end_contracts(last)
    assert world.bars.changes(limit=9) == ()
    world.enrichment.end_contracts(last + timedelta(days=1))
    assert [change.symbol for change in world.bars.changes(limit=9)] == [contract]


def test_the_command_shows_what_would_change_and_writes_only_when_asked_to(
    world: Enriching, store: Store, command: Command
) -> None:
    store([message(1, SIGNAL.format("PETR4", ""), minute=0)])
    world.bars.put([minute(1, "10 12.2 9.9 12")], source=BarSource.CSV)
    told = f"{CHANNEL} 1 #0 PETR4: state - -> target"
    dry = command("enrich", "--dry-run")
    assert told in dry
    assert dry.endswith("1 signals judged: 1 target; 1 changed, nothing written (--dry-run)\n")
    assert world.rows() == {}
    assert told in command("enrich")
    assert world.rows()["PETR4"]["state"] == "target"
    assert command("enrich") == "0 signals judged; 0 changed, written\n"
    assert command("enrich", "--again") == "1 signals judged: 1 target; 0 changed, written\n"


def test_the_record_counts_what_is_stored_by_filters_and_groups(
    world: Enriching, store: Store, database: Database, command: Command
) -> None:
    assets = ("PETR4", "VALE3", "ITUB4")
    store([message(number, SIGNAL.format(asset, ""), minute=0) for number, asset in enumerate(assets, 1)])
    bars = [
        minute(1, "10 12.2 9.9 12"),
        minute(1, "10 10.2 8.9 9", symbol="VALE3"),
        minute(1, "9.5 9.6 9.4 9.5", symbol="ITUB4"),
    ]
    world.bars.put(bars, source=BarSource.CSV)
    assert command("record").startswith("no judged signal matches")
    world.look()
    outcomes = Outcomes(database)
    found = grouped_records(outcomes.of(SignalQuery()), way_out=Exit.FINAL, by=GroupBy.ASSET)
    assert (found.total.signals, found.total.entered, found.total.hits) == (3, 2, 1)
    assert found.results == [Decimal(-1), Decimal(2)]
    assert {name: one.total_r for name, one in found.groups.items()} == {"ITUB4": 0, "PETR4": 2, "VALE3": -1}
    chosen = outcomes.of(
        SignalQuery(asset=("petr4",), side=("buy",), signal_type=("swing trade",), since=START)
    )
    assert [row["asset"] for row in chosen] == ["PETR4"]
    assert outcomes.of(SignalQuery(channel=("-7",))) == []
    assert outcomes.of(SignalQuery(until=START - timedelta(days=1))) == []
    lines = list(csv.DictReader(command("record", "--by", "asset", "--csv").splitlines()))
    assert [(line["name"], line["total_r"], line["few"]) for line in lines] == [
        ("ITUB4", "0", "true"),
        ("PETR4", "1.0000", "true"),
        ("VALE3", "-1.0000", "true"),
        ("all", "0.0000", "true"),
    ]
    # what its channel has written over still counts
    store([message(number, "bom dia", minute=0, version=5) for number in (1, 3)])
    world.see()
    states = {row["asset"]: row["state"] for row in outcomes.of(SignalQuery())}
    assert states == {"PETR4": "target", "VALE3": "stopped", "ITUB4": "cancelled"}
