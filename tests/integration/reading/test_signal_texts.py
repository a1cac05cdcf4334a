"""The JSON that is kept of a signal: always that of its present state, and within its memory."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from engine.model import ChannelMessage
from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import signal_object
from ops.http.routes.signal_texts import SignalTexts
from ops.stores import RETENTION
from storage.postgres.channels import Channels
from storage.postgres.current import status_of
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Place, Signals
from tests.integration.reading.conftest import CHANNEL, Store, message

SIGNAL = "Ativo: {}\nCompra: {},00\nAlvo 1: 31,00\nAlvo 2: 32,00\nStop: 9,00"
EVENTS = ("{} ALVO 1 ATINGIDO ✅", "Stop acionado em {} -3%", "Subir stop de {} para 10,00")


class Counting(Signals):
    """Counts the rows that were read in full."""

    rows_read = 0

    def find(self, *args: Any, **options: Any) -> Any:
        page = super().find(*args, **options)
        self.rows_read += len(page.rows)
        return page


def change(random_one: random.Random, minute: int) -> ChannelMessage:
    """Return a new signal, an event, or an edit of an earlier message into one of the two."""
    asset = f"PETR{random_one.randint(3, 6)}"
    text = random_one.choice([SIGNAL, *EVENTS]).format(asset, random_one.randint(10, 30))
    number = random_one.randint(1, 12)
    return message(number, text, minute=number, version=minute)


@pytest.mark.parametrize("seed", range(3))
def test_a_kept_text_is_the_one_that_would_be_made_now(database: Database, store: Store, seed: int) -> None:
    random_one = random.Random(seed)
    signals = Signals(database, retention=RETENTION)
    channels = Channels(database, settings=(CHANNEL,), retention=RETENTION)
    kept = SignalTexts(signals)
    for minute in range(40):
        if minute % 10 == 9:
            channels.add(CHANNEL, label=f"label {minute}", keep_label=False, most=9)
        else:
            store([change(random_one, minute)])
        for limit in (3, 100):
            query = SignalQuery(limit=limit)
            expected = [encode(signal_object(row)) for row in signals.find(query).rows]
            assert kept.find(query)[0] == expected


def test_a_row_is_read_once_and_again_when_its_state_is_another(database: Database, store: Store) -> None:
    signals = Counting(database, retention=RETENTION)
    kept = SignalTexts(signals)
    store([message(n, SIGNAL.format(f"PETR{n}", 10), minute=n) for n in range(3, 7)])
    counts = []
    for news in (None, None, message(20, EVENTS[0].format("PETR4"), minute=20)):
        if news:
            store([news])
        kept.find(SignalQuery())
        kept.find(SignalQuery(ascending=True, limit=2))
        counts.append(signals.rows_read)
    assert counts == [4, 4, 5]


@pytest.mark.parametrize("early", [[], [message(20, EVENTS[2].format("PETR4"), minute=20)]])
def test_an_event_committed_between_finding_a_place_and_reading_its_row(
    database: Database, store: Store, early: list[ChannelMessage]
) -> None:
    signals = Signals(database, retention=RETENTION)
    store([message(1, SIGNAL.format("PETR4", 10), minute=1), *early])
    late = [message(21, EVENTS[0].format("PETR4"), minute=21)]

    def unknown(places: Sequence[Place]) -> Sequence[Place]:
        if late:
            store([late.pop()])
        return places

    page = signals.find(SignalQuery(), unknown)
    assert not late
    ((row,), (place,)) = page.rows, page.places
    assert row["updated_at"].timestamp() == pytest.approx(place.changed_s, abs=1e-6)
    assert (len(row["events"]), row["status"]) == (1 + len(early), status_of(row["events"]))


def test_texts_beyond_the_memory_are_dropped_the_unused_first(database: Database, store: Store) -> None:
    signals = Counting(database, retention=RETENTION)
    store([message(n, SIGNAL.format(f"PETR{n}", 10), minute=n) for n in range(3, 7)])
    sizes = [len(text) for text in SignalTexts(signals).find(SignalQuery())[0]]
    kept = SignalTexts(signals, max_bytes=sum(sizes[:3]) + 3 * 500)
    kept.find(SignalQuery(limit=3))
    kept.find(SignalQuery(limit=1))
    kept.find(SignalQuery(ascending=True, limit=1))
    before = signals.rows_read
    kept.find(SignalQuery(limit=1))
    assert signals.rows_read == before
    kept.find(SignalQuery(limit=3))
    assert signals.rows_read == before + 1, "the one that was not used for longest had gone"


def test_a_place_tells_a_row_from_another_of_the_same_id(database: Database, store: Store) -> None:
    store([message(1, SIGNAL.format("PETR4", 10), minute=1)])
    (place,) = Signals(database, retention=RETENTION).find(SignalQuery()).places
    assert place == Place(*place)
    assert place.changed_s is not None
    for other in (
        place._replace(changed_s=place.changed_s + 1e-6),
        place._replace(label="L"),
    ):
        assert other != place
