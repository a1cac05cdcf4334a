"""Statuses that depend on the day: what is served, what the filter finds, and that both are the same."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import sql

from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import signal_object
from ops.http.routes.signal_texts import SignalTexts
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from storage.postgres.standing import PERIOD_COLUMNS, day_of
from tests.integration.reading.conftest import START, Store, message

SIGNAL = "{}\nAtivo: {}\nCompra: 10,00\nAlvo 1: 11,00\nAlvo 2: 12,00\nStop: 9,00\n{}"
EVENTS = (
    *("{} ALVO 1 ATINGIDO ✅", "{} alvo 2 atingido", "{} alvo final atingido", "Stop acionado em {} -3%"),
    *("Subir stop de {} para 10,00", "❌ Operação CANCELADA - desconsiderem o sinal de {}"),
)
STATUSES = ("waiting", "open", "expired", "target_1", "target_2", "target_final", "stopped", "cancelled")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("posted", "kind", "until", "days"),
    [
        ("2026-11-27T12:00-03:00", "Swing Trade", None, (None, None)),
        ("2026-11-27T12:00-03:00", "Swing Trade", "30/11", ("2026-11-30", None)),
        ("2026-12-28T12:00-03:00", "Swing Trade", "05/01", ("2027-01-05", None)),
        ("2026-01-28T12:00-03:00", "Swing Trade", "05/01", ("2026-01-05", None)),
        ("2026-11-27T12:00-03:00", "Position", "05/01/2026", ("2026-01-05", None)),
        # no such date: the one so many days after the first of the month, because a signal must not end too early
        ("2026-11-27T12:00-03:00", "Position", "31/11", ("2026-12-01", None)),
        *(
            ("2026-11-27T12:00-03:00", "Position", word, (None, None))
            for word in ("01/13", "hoje", "1/2", "")
        ),
        ("2026-11-27T12:00-03:00", "Day Trade", None, (None, "2026-11-27")),
        ("2026-11-26T23:59-03:00", "Scalping", None, (None, "2026-11-27")),
        ("2026-11-26T18:29-03:00", "day trade", None, (None, "2026-11-26")),
        ("2026-11-27T18:30-03:00", "Day Trade", None, (None, "2026-11-30")),
        ("2026-11-28T12:00-03:00", "Day Trade", None, (None, "2026-11-30")),
        ("2026-11-29T23:00-03:00", "Day Trade", "01/12", ("2026-12-01", "2026-11-30")),
    ],
)
def test_the_last_day_of_a_signal(
    database: Database,
    posted: str,
    kind: str,
    until: str | None,
    days: tuple[str | None, str | None],
) -> None:
    asked = sql.SQL(
        "select {} from (values (%s::timestamptz, %s::text, %s::text)) as one (ts, signal_type, valid_until)"
    ).format(PERIOD_COLUMNS)
    row = database.read(lambda cursor: cursor.execute(asked, (posted, kind, until)).fetchone())
    assert row == {
        name: None if day is None else date.fromisoformat(day)
        for name, day in zip(("valid_on", "session_on"), days, strict=True)
    }


def test_what_the_day_changes_and_why(database: Database, store: Store) -> None:
    posted = day_of(START)
    word = f"Válido até {posted:%d/%m}"
    store(
        [
            message(1, SIGNAL.format("Swing", "PETR3", ""), minute=0),
            message(2, SIGNAL.format("Swing", "PETR4", word), minute=1),
            message(3, SIGNAL.format("Swing", "PETR5", word), minute=2),
            message(4, SIGNAL.format("Day trade", "PETR6", ""), minute=3),
            message(5, SIGNAL.format("Day trade", "PETR7", ""), minute=4),
            message(6, SIGNAL.format("Day trade", "PETR8", ""), minute=5),
            message(7, "Subir stop de PETR5 para 10,00", minute=6),
            message(8, "Subir stop de PETR7 para 10,00", minute=7),
            message(9, "PETR8 ALVO 1 ATINGIDO ✅", minute=8),
        ]
    )
    signals = Signals(database, retention=RETENTION)

    def shown(today: date) -> dict[str, tuple[str, str]]:
        rows = signals.find(SignalQuery(today=today)).rows
        return {row["asset"]: (row["status"], row["status_reason"]) for row in rows}

    before = {
        **dict.fromkeys(("PETR3", "PETR4", "PETR6"), ("waiting", "posted")),
        **dict.fromkeys(("PETR5", "PETR7"), ("open", "update")),
        "PETR8": ("target_1", "result"),
    }
    assert shown(posted) == before
    # the validity is the time to enter: it ends no position that the channel speaks of
    after = before | {"PETR4": ("expired", "validity")}
    # a session that begins after a weekend ends at most five days after the message
    assert shown(posted + 6 * DAY) == after | dict.fromkeys(("PETR6", "PETR7"), ("expired", "session"))
    (row,) = signals.find(SignalQuery(asset=("PETR4",), today=posted + DAY)).rows
    assert row["current"].status == "expired"
    assert day_of(row["status_since"]) == posted + DAY
    assert day_of(row["status_since"] - timedelta(microseconds=1)) == posted


@pytest.mark.parametrize("seed", range(3))
def test_the_filter_finds_exactly_the_signals_that_show_the_status(
    database: Database, store: Store, seed: int
) -> None:
    random_one = random.Random(seed)
    assets = [f"AAA{letter}{digit}" for letter in "ABCDEF" for digit in (3, 4)]
    kinds, today = ("Swing", "Day trade", "Scalp"), day_of(datetime.now(UTC))
    words = ("", *(f"Válido até {today + days * DAY:%d/%m}" for days in (-3, -1, 0, 1)))
    store(
        [
            message(n, SIGNAL.format(random_one.choice(kinds), asset, random_one.choice(words)), minute=n)
            for n, asset in enumerate(assets)
        ]
        + [
            message(n, random_one.choice(EVENTS).format(random_one.choice(assets)), minute=n)
            for n in range(100, 118)
        ]
    )
    signals = Signals(database, retention=RETENTION)
    texts = SignalTexts(signals)
    seen = set()
    for day in (today - 4 * DAY, today, today + DAY, today + 9 * DAY, today):
        everything = signals.find(SignalQuery(today=day)).rows
        assert texts.find(SignalQuery(today=day))[0] == [encode(signal_object(row)) for row in everything]
        for wanted in (*((status,) for status in STATUSES), ("target",), ("waiting", "target_1")):
            expected = [
                row["id"]
                for row in everything
                if row["status"] in wanted or (wanted == ("target",) and row["status"].startswith("target"))
            ]
            found = signals.find(SignalQuery(today=day, status=wanted)).places
            assert [place.id for place in found] == expected, wanted
        seen |= {row["status"] for row in everything}
    assert {"waiting", "expired"} <= seen
    assert len(seen) >= 5
