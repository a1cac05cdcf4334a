"""The ledger beside a model of a few lines: any history of deliveries leaves the same signals in both."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Outcome
from storage.postgres.ledger import Ledger
from tests.support.databases import empty
from tests.support.outcomes import a_message, a_signal, malformed, not_signal, signal_outcome

Ask = Callable[..., list[dict[str, Any]]]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Delivery:
    """Message ``number`` as updated at ``minute``; its text changes every other minute.

    The text of minutes 4 and 5 holds no signal. ``grammar`` reads the same text another way.
    """

    number: int
    minute: int
    readable: bool
    grammar: int = 0

    @property
    def text(self) -> int:
        return self.minute % 3  # a text comes back in a later version

    @property
    def reading(self) -> tuple[int, int]:
        return self.text, self.grammar

    @property
    def assets(self) -> list[str]:
        if self.text == 2:
            return []
        return [f"T{self.text}G{self.grammar}P{position}" for position in range(self.text + 1)]

    def outcome(self) -> Outcome:
        if not self.readable:
            return malformed(self.number)
        message = a_message(
            self.number,
            text=f"text {self.text}",
            received_at=NOON,
            telegram_date=NOON,
            updated_at=NOON + timedelta(minutes=self.minute),
        )
        if not self.assets:
            return not_signal(message, f"grammar {self.grammar}")
        return signal_outcome(message, *(a_signal(a, position=i) for i, a in enumerate(self.assets)))


@dataclass
class Model:
    """What must stand in the database. ``letters`` has the attempts of each unresolved dead letter."""

    held: dict[int, Delivery] = field(default_factory=dict)
    letters: dict[int, int] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    superseded: int = 0

    def deliver(self, batch: list[Delivery], *, reread: bool) -> None:
        single: dict[int, Delivery] = {}
        for one in batch:
            if (known := single.get(one.number)) is None or self._beats(one, known):
                single[one.number] = one
            elif self._confirms(one, known):
                single[one.number] = replace(known, minute=one.minute)
        for one in single.values():
            self._take(one, reread=reread)

    def _take(self, one: Delivery, *, reread: bool) -> None:
        known = self.held.get(one.number)
        if not one.readable:
            if known is None:
                self.held[one.number] = one
            if reread or not self.held[one.number].readable:
                self.attempts[one.number] = self.attempts.get(one.number, 0) + 1
                self.letters[one.number] = self.attempts[one.number]
            return
        again = reread and known is not None and one.reading != known.reading and one.minute >= known.minute
        if known is None or again or self._beats(one, known):
            if known is not None and known.readable:
                self.superseded += len(known.assets)
            if known is not None:
                self.letters.pop(one.number, None)
            self.held[one.number] = one
        elif self._confirms(one, known):
            self.held[one.number] = replace(known, minute=one.minute)
        if reread:
            # it can be read: a letter that waits for just that has its good end
            self.letters.pop(one.number, None)

    @staticmethod
    def _beats(one: Delivery, known: Delivery) -> bool:
        if not (one.readable and known.readable):
            return one.readable
        return one.text != known.text and one.minute > known.minute

    @staticmethod
    def _confirms(one: Delivery, known: Delivery) -> bool:
        """The same text of a later version: what comes between the two is older."""
        return one.readable and known.readable and one.text == known.text and one.minute > known.minute


DELIVERIES = st.builds(
    Delivery,
    number=st.integers(1, 3),
    minute=st.integers(0, 5),
    readable=st.sampled_from([True, True, True, False]),
)
BATCHES = st.lists(
    st.tuples(st.lists(DELIVERIES, max_size=5), st.booleans(), st.integers(0, 1)), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
def test_any_history_of_deliveries_ends_as_the_model_says_faults_8_9(
    ledger: Ledger, ask: Ask, history: list[tuple[list[Delivery], bool, int]]
) -> None:
    empty(ask, "dead_letters")
    model = Model()
    for deliveries, reread, grammar in history:
        # the grammar changes under a reread only: any other delivery of a known text is a duplicate
        batch = [Delivery(d.number, d.minute, d.readable, grammar if reread else 0) for d in deliveries]
        ledger.record([one.outcome() for one in batch], reread=reread)
        model.deliver(batch, reread=reread)

    stored = ask("select message_id, position, asset from tp_capital_signals order by message_id, position")
    assert [(int(row["message_id"]), row["position"], row["asset"]) for row in stored] == [
        (number, position, asset)
        for number, one in sorted(model.held.items())
        if one.readable
        for position, asset in enumerate(one.assets)
    ]
    rows = {int(row["message_id"]): row for row in ask("select message_id, outcome, text from ledger")}
    assert rows.keys() == model.held.keys()
    for number, one in model.held.items():
        expected = ("signal" if one.assets else "not_signal") if one.readable else "dead_letter"
        assert rows[number]["outcome"] == expected
        assert rows[number]["text"] == (f"text {one.text}" if one.readable else None)
    letters = ask("select message_id, attempts from dead_letters where resolved_at is null")
    assert {int(row["message_id"]): row["attempts"] for row in letters} == model.letters
    assert ask("select count(*) as n from signals_history") == [{"n": model.superseded}]
