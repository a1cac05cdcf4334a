"""Edited messages: outcomes are those of what could be read at the time, and a loss stays in the record."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bars import Bar, BarSource
from engine.model import ChannelMessage
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.track_record import Outcomes
from tests.integration.reading.conftest import START, Store, message
from tests.support.enriching import Enriching
from tests.support.markets import bar

SIGNAL = "COMPRA\nAtivo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00\n{}"
PETR4, VALE3 = (SIGNAL.format(asset, "") for asset in ("PETR4", "VALE3"))
SALE = "VENDA\nAtivo: PETR4\nVenda: 10,00\nAlvo 1: 9,00\nAlvo 2: 8,00\nStop: 11,00"
#: entered and stopped within two minutes
STOPPED = ("10 10.2 9.9 10", "10 10 8.5 8.6")


def minute(number: int, prices: str, *, symbol: str = "PETR4") -> Bar:
    return bar(START + timedelta(minutes=number), prices, symbol=symbol)


def stopped(symbol: str = "PETR4") -> list[Bar]:
    return [minute(number, prices, symbol=symbol) for number, prices in enumerate(STOPPED, 1)]


def edit(number: int, text: str, *, at: int) -> ChannelMessage:
    return message(number, text, minute=0, version=at)


def outcomes_of(world: Enriching) -> dict[str, Mapping[str, Any]]:
    """Return what is known of each present signal, by its asset."""
    world.look()
    return world.rows()


def outcome_of(world: Enriching) -> Mapping[str, Any]:
    (row,) = outcomes_of(world).values()
    return row


def recorded(world: Enriching, database: Database) -> list[tuple[str, str, str]]:
    world.look()
    rows = Outcomes(database).of(SignalQuery())
    return sorted((row["asset"], row["side"], row["state"]) for row in rows)


def test_an_edit_does_not_undo_what_prices_did_to_the_signal_before(world: Enriching, store: Store) -> None:
    text = SIGNAL.format("PETR4", "")
    store([message(1, text, minute=0)])
    world.bars.put(
        [minute(1, "10 10.2 9.9 10"), minute(2, "10 10 8.5 8.6"), minute(6, "8.6 11 8.6 11")],
        source=BarSource.CSV,
    )
    store([edit(1, text.replace("9,00", "8,00").replace("10,00", "8,70"), at=5)])
    row = outcome_of(world)
    assert (row["state"], row["entry"], row["first_r"]) == ("stopped", Decimal(10), Decimal(-1))


def test_who_follows_the_former_text_holds_its_position_and_the_edit_moves_its_stop_and_targets(
    world: Enriching, store: Store
) -> None:
    text = SIGNAL.format("PETR4", "")
    store([message(1, text, minute=0)])
    world.bars.put([minute(1, "10 10.2 9.9 10"), minute(6, "10 10.7 10 10.6")], source=BarSource.CSV)
    store([edit(1, text.replace("11,00", "10,50").replace("12,00", "10,60"), at=5)])
    row = outcome_of(world)
    assert (row["state"], row["entry"], row["final_r"]) == ("target", Decimal(10), Decimal("0.6"))
    assert row["reached"] == [START + timedelta(minutes=6)] * 2


def test_a_message_that_an_edit_made_a_signal_counts_from_the_edit_on(world: Enriching, store: Store) -> None:
    store([message(1, "Bom dia a todos", minute=0)])
    store([edit(1, SIGNAL.format("PETR4", ""), at=5)])
    world.bars.put([minute(1, "10 12.5 9.9 12"), minute(6, "11 11 10.5 11")], source=BarSource.CSV)
    assert outcome_of(world)["state"] == "waiting"
    world.bars.put([minute(7, "10.1 10.2 10 10.1")], source=BarSource.CSV)
    assert outcome_of(world)["entered_at"] == START + timedelta(minutes=7)


def test_a_signal_that_is_written_over_stays_in_the_record_and_is_cancelled_by_that(
    world: Enriching, store: Store, database: Database
) -> None:
    texts = [SIGNAL.format(asset, "") for asset in ("PETR4", "VALE3", "ITUB4")]
    store([message(number, text, minute=0) for number, text in enumerate(texts, 1)])
    world.bars.put([*stopped(), minute(1, "9.5 9.6 9.4 9.5", symbol="VALE3")], source=BarSource.CSV)
    world.look()
    store([edit(number, "Bom dia a todos", at=5) for number in (1, 2, 3)])
    world.see()
    # bars that come after the edit tell what was before it
    late = [minute(2, "9.5 10.2 9.4 10", symbol="ITUB4"), minute(6, "9.8 9.9 9.7 9.8", symbol="ITUB4")]
    world.bars.put([*late, minute(6, "10 12.5 9.9 12", symbol="VALE3")], source=BarSource.CSV)
    assert recorded(world, database) == [
        ("ITUB4", "buy", "closed"),
        ("PETR4", "buy", "stopped"),
        ("VALE3", "buy", "cancelled"),
    ]
    (closed,) = (row for row in Outcomes(database).of(SignalQuery()) if row["asset"] == "ITUB4")
    assert closed["first_r"] == Decimal("-0.2")
    written = world.enrichment.judge_replaced("ITUB4")
    assert written == 0, "nothing is new"


def test_a_trade_that_goes_on_in_another_text_counts_once(
    world: Enriching, store: Store, database: Database
) -> None:
    world.bars.put(stopped(), source=BarSource.CSV)
    for at, text in enumerate((PETR4, PETR4 + "\nBoa sorte", f"{VALE3}\n\n{PETR4}", PETR4)):
        store([edit(1, text, at=at * 5)])
        world.see()
    assert recorded(world, database) == [("PETR4", "buy", "stopped")]


def test_a_trade_that_went_on_counts_once_when_retention_has_dropped_it(
    world: Enriching, store: Store, database: Database, migrated_url: str
) -> None:
    store([message(1, PETR4, minute=0)])
    world.bars.put(stopped(), source=BarSource.CSV)
    world.look()
    store([edit(1, PETR4 + "\nBoa sorte", at=5)])
    assert recorded(world, database) == [("PETR4", "buy", "stopped")]
    with psycopg.connect(migrated_url) as owner:
        owner.execute("delete from signals.tp_capital_signals")
    assert recorded(world, database) == [("PETR4", "buy", "stopped")]


def test_a_price_that_becomes_doubtful_takes_no_loss_away(world: Enriching, store: Store) -> None:
    store([message(1, PETR4, minute=0)])
    world.bars.put(stopped(), source=BarSource.CSV)
    store([edit(1, PETR4.replace("9,00", "90,00"), at=5)])
    assert outcome_of(world)["state"] == "stopped"
    store([edit(1, PETR4.replace("10,00", "8,60"), at=6)])
    assert outcome_of(world)["state"] == "stopped"


def test_the_time_of_a_trade_that_had_passed_does_not_begin_again(world: Enriching, store: Store) -> None:
    of_a_day = PETR4.replace("COMPRA", "Day Trade\nCOMPRA")
    store([message(1, of_a_day, minute=0)])
    world.bars.put([minute(1, "10 10.2 9.9 10")], source=BarSource.CSV)
    store([edit(1, PETR4, at=24 * 60)])
    world.bars.put([minute(24 * 60 + 1, "10 12.5 10 12")], source=BarSource.CSV)
    row = outcome_of(world)
    assert (row["state"], row["first_r"]) == ("expired", Decimal(0))


def test_a_signal_that_an_edit_adds_counts_from_the_edit_on(
    world: Enriching, store: Store, database: Database
) -> None:
    store([message(1, PETR4, minute=0)])
    store([edit(1, f"{PETR4}\n\n{VALE3}", at=5)])
    bars = [minute(1, "10 12.5 9.9 12", symbol=symbol) for symbol in ("PETR4", "VALE3")]
    world.bars.put(bars, source=BarSource.CSV)
    rows = outcomes_of(world)
    assert {asset: row["state"] for asset, row in rows.items()} == {"PETR4": "target", "VALE3": "no_bars"}
    assert rows["PETR4"]["trade"] is not None
    assert rows["VALE3"]["trade"] is None


@pytest.mark.parametrize(
    "later", [PETR4, f"{PETR4}\n\n{VALE3}"], ids=["the first goes", "they change places"]
)
def test_a_signal_that_moves_within_its_text_stays_the_same(
    world: Enriching, store: Store, database: Database, later: str
) -> None:
    store([message(1, f"{VALE3}\n\n{PETR4}", minute=0)])
    world.bars.put([*stopped(), minute(1, "9.5 9.6 9.4 9.5", symbol="VALE3")], source=BarSource.CSV)
    world.look()
    store([edit(1, later, at=5)])
    world.bars.put([minute(6, "10 12.5 9.9 12.4")], source=BarSource.CSV)
    assert outcomes_of(world)["PETR4"]["state"] == "stopped"
    assert [row for row in recorded(world, database) if row[0] == "PETR4"] == [("PETR4", "buy", "stopped")]


@pytest.mark.parametrize(("other", "told"), [(VALE3, ("VALE3", "buy")), (SALE, ("PETR4", "sell"))])
def test_another_trade_that_is_written_over_a_loss_does_not_take_it_out_of_the_record(
    world: Enriching, store: Store, database: Database, other: str, told: tuple[str, str]
) -> None:
    store([message(1, PETR4, minute=0)])
    world.bars.put(stopped(), source=BarSource.CSV)
    world.look()
    store([edit(1, other, at=5)])
    later = [minute(6, "10 10.2 9.9 10", symbol=symbol) for symbol in ("PETR4", "VALE3")]
    world.bars.put(later, source=BarSource.CSV)
    assert recorded(world, database) == sorted([("PETR4", "buy", "stopped"), (*told, "running")])


def test_a_picture_that_is_given_its_words_later_counts_from_then_on(world: Enriching, store: Store) -> None:
    store([replace(message(1, "", minute=0), text=None)])
    store([replace(edit(1, "", at=5), text=None, caption=PETR4)])
    world.bars.put([minute(1, "10 12.5 9.9 12"), minute(6, "11 11 10.5 11")], source=BarSource.CSV)
    row = outcome_of(world)
    assert (row["state"], row["trade"]) == ("waiting", None)


def test_a_trade_that_comes_back_after_another_text_is_another_one(
    world: Enriching, store: Store, database: Database
) -> None:
    store([message(1, PETR4, minute=0)])
    store([edit(1, "Bom dia a todos", at=4)])
    store([edit(1, PETR4.replace("9,00", "8,00"), at=5)])
    world.bars.put([*stopped(), minute(6, "10 12.5 9.9 12")], source=BarSource.CSV)
    row = outcome_of(world)
    assert (row["state"], row["entered_at"], row["trade"]) == ("target", START + timedelta(minutes=6), None)
    assert recorded(world, database) == [("PETR4", "buy", "stopped"), ("PETR4", "buy", "target")]


def test_what_comes_after_an_edit_does_not_move_its_instant(world: Enriching, store: Store) -> None:
    store([message(1, PETR4, minute=0)])
    sooner = PETR4.replace("11,00", "10,50").replace("12,00", "10,60")
    store([edit(1, sooner, at=5)])
    world.bars.put([minute(1, "10 10.2 9.9 10"), minute(6, "10 10.7 10 10.6")], source=BarSource.CSV)
    for later in (edit(1, sooner, at=90), replace(edit(1, sooner, at=91), status="deleted")):
        store([later])
        assert outcome_of(world)["state"] == "target"
    store([edit(1, PETR4, at=92)])
    assert outcome_of(world)["state"] == "target", "each edit counts from its own instant on"


# ── any history ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Version:
    """A text of the message, and the minute of its edit."""

    minute: int
    entry: Decimal
    stop: Decimal
    targets: tuple[Decimal, ...]

    def text(self, asset: str, way: int) -> str:
        word, label = ("COMPRA", "Compra") if way == 1 else ("VENDA", "Venda")
        targets = "".join(f"Alvo {n}: {_told(price)}\n" for n, price in enumerate(self.targets, 1))
        return f"{word}\nAtivo: {asset}\n{label}: {_told(self.entry)}\n{targets}Stop: {_told(self.stop)}"


def _told(price: Decimal) -> str:
    return f"{price:.2f}".replace(".", ",")


@dataclass
class Told:
    """What a trader had who followed each text from its edit on: a model of one trade, from the documentation alone."""

    way: int
    versions: Sequence[Version]
    entry: Decimal | None = None

    def __post_init__(self) -> None:
        self.reached: list[Decimal] = []

    def better(self, price: Decimal, than: Decimal) -> bool:
        return (price - than) * self.way >= 0

    def ahead(self, version: Version) -> list[Decimal]:
        """Return the targets that are left."""
        last = self.reached[-1:]
        left = (price for price in version.targets if not last or (price - last[0]) * self.way > 0)
        return sorted(left, key=lambda price: price * self.way)

    def follow(self, prices: Mapping[int, tuple[Decimal, ...]]) -> tuple[str, Decimal | None, int]:
        """Return the state, the price of the entry and how many targets were reached."""
        for at, (opened, high, low, _) in sorted(prices.items()):
            version = max((v for v in self.versions if v.minute <= at), key=lambda v: v.minute)
            with_us, against_us = (high, low) if self.way == 1 else (low, high)
            held = self.entry is not None
            if self.entry is None:
                if not low <= version.entry <= high:
                    continue
                self.entry = version.entry
            if held and self.better(version.stop, opened):
                return self.end("stopped")
            if held and self.sell(version, opened):
                return self.end("target")
            if self.better(version.stop, against_us):
                return self.end("stopped")
            from_better = not held and opened != version.entry and self.better(opened, version.entry)
            if not from_better and self.sell(version, with_us):
                return self.end("target")
        return self.end("waiting" if self.entry is None else "running")

    def sell(self, version: Version, price: Decimal) -> bool:
        """Sell at the targets up to a price. Return whether none is left."""
        self.reached += [target for target in self.ahead(version) if self.better(price, target)]
        return not self.ahead(version)

    def end(self, state: str) -> tuple[str, Decimal | None, int]:
        return state, self.entry, len(self.reached)


def a_history(draw: random.Random, way: int) -> tuple[list[Version], dict[int, tuple[Decimal, ...]]]:
    def tenths(low: int, high: int) -> Decimal:
        return Decimal(draw.randrange(low, high)) / 10

    def version(at: int) -> Version:
        entry = 20 + tenths(-8, 9)
        first = entry + way * tenths(3, 12)
        targets = (first, first + way * tenths(2, 8))[: draw.choice((1, 2))]
        return Version(at, entry, entry - way * tenths(3, 12), targets)

    versions = [version(at) for at in (0, *sorted(draw.sample(range(2, 20), draw.randrange(4))))]
    price, prices = Decimal(20), dict[int, tuple[Decimal, ...]]()
    for at in range(26):
        opened = price + draw.choice((Decimal(0), tenths(-3, 4)))
        price = opened + tenths(-4, 5)
        prices[at] = (opened, max(opened, price) + tenths(0, 3), min(opened, price) - tenths(0, 3), price)
    return versions, prices


@given(st.randoms(use_true_random=False), st.sampled_from((1, -1)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_of_edits_and_prices_is_what_a_follower_had(
    world: Enriching, store: Store, draw: random.Random, way: int
) -> None:
    number = _NUMBERS.randrange(10**9)
    asset = "".join(_NUMBERS.choice("BCDFGHJKLM") for _ in range(4)) + "3"
    versions, prices = a_history(draw, way)
    bars = [minute(at, " ".join(map(str, said)), symbol=asset) for at, said in prices.items()]
    draw.shuffle(bars)
    steps: list[tuple[int, Version | list[Bar]]] = [
        *((one.minute, one) for one in versions),
        *((draw.randrange(30), bars[part::4]) for part in range(4)),
    ]
    for _, step in sorted(steps, key=lambda step: step[0]):
        if isinstance(step, Version):
            store([edit(number, step.text(asset, way), at=step.minute)])
        else:
            world.bars.put(step, source=BarSource.CSV)
        if draw.random() < 0.5:
            world.look()
    row = outcomes_of(world)[asset]
    found = row["state"], row["entry"], len(row["reached"])
    assert found == Told(way, versions).follow(prices)


#: assets and messages of this run: they stay stored between examples
_NUMBERS = random.Random(1)
