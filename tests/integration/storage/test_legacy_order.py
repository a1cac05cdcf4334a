"""Migrating and back-filling in any order, interleaved, killed and resumed, end the same: each signal once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise, repeat
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import ChannelMessage
from ops.migrate_data.values import LegacyReader
from ops.stores import RETENTION
from storage.legacy.importing import LegacyImport
from storage.legacy.matching import FURTHEST
from storage.legacy.report import report
from storage.legacy.rows import LegacyRow, decode_row
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.bench.old_table import old_row, settle_rows, write
from tests.support.databases import empty
from tests.support.outcomes import a_message

Step = Callable[[], None]
Ask = Callable[..., list[dict[str, Any]]]
BASE = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
PAST = timedelta(days=-100)
#: two signals and what is none; the gateway has them with carriage returns and blanks, the old table has not
TEXTS = (
    "Ativo: PETR4\nCompra: 30,105\nAlvo 1: 31,00\nStop: 29,00",
    "Ativo: VALE3\nCompra: 60,10\nAlvo 1: 61,00\nStop: 59,00",
    "Bom dia, PETR4!",
)
HOURS = (0, 1, 5, 20, 26, 27, -2400)


@dataclass(frozen=True)
class Version:
    """Message ``number`` with text ``text``, as updated at minute ``version``."""

    number: int
    version: int
    text: int
    hours: int
    dated: bool
    odd: bool

    def message(self) -> ChannelMessage:
        at = BASE + timedelta(hours=self.hours)
        text = TEXTS[self.text]
        return a_message(
            self.number,
            text=f" {text}\n".replace("\n", "\r\n") if self.odd else text,
            received_at=at,
            telegram_date=at if self.dated else None,
            updated_at=at + timedelta(minutes=self.version),
        )


@st.composite
def posted(draw: st.DrawFn) -> list[Version]:
    """Up to five messages, each with one or two versions, in some order; one may come twice."""
    versions = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        hours, dated, odd = draw(st.sampled_from(HOURS)), draw(st.booleans()), draw(st.booleans())
        texts = draw(st.lists(st.integers(0, 2), min_size=1, max_size=2))
        versions += [Version(number, i, text, hours, dated, odd) for i, text in enumerate(texts)]
    return draw(st.permutations(versions)) + draw(st.lists(st.sampled_from(versions), max_size=2))


@st.composite
def old_rows(draw: st.DrawFn) -> list[LegacyRow]:
    """Up to six rows, some of them doubles, some of no message; each a few seconds late or exactly in time."""
    rows = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        at = BASE + timedelta(hours=draw(st.sampled_from(HOURS)), seconds=draw(st.sampled_from([0, 0, 7])))
        values = old_row(TEXTS[draw(st.integers(0, 2))], at, id=number)
        rows.append(decode_row(json.dumps(values, default=str)))
    return rows


def expected(versions: Sequence[Version], rows: Sequence[LegacyRow]) -> dict[str, str | None]:
    """Say which message each row is, by looking at everything at once; None of a double, "" of a row on its own."""
    answer: dict[str, str | None] = {}
    for text in TEXTS:
        seen: set[datetime] = set()
        alone = {}
        for row in rows:
            if row.raw_message == text:
                answer[row.legacy_id] = None if row.sent_at in seen else ""
                if row.sent_at not in seen:
                    alone[row.legacy_id] = row.sent_at
                seen.add(row.sent_at)
        dates = {str(v.number): BASE + timedelta(hours=v.hours) for v in versions if TEXTS[v.text] == text}
        while True:
            pairs = [
                (abs(sent_at - dates[number]), sent_at, number, row)
                for row, sent_at in alone.items()
                for number in dates
            ]
            if not pairs or min(pairs)[0] > FURTHEST:
                break
            *_, number, legacy_id = min(pairs)
            answer[legacy_id] = number
            del alone[legacy_id], dates[number]
        undated = sorted({str(v.number) for v in versions if not v.dated} & dates.keys())
        answer |= zip(sorted(alone, key=lambda row: alone[row]), undated, strict=False)
    return answer


def state(ask: Ask) -> tuple[list[Any], list[Any], list[Any]]:
    """Return everything that must not depend on the order."""
    stored = ask(
        "select channel, message_id, position, ts, asset, side, signal_type, buy_min, buy_max, targets, target_final,"
        " stop, warnings, raw_message, source from tp_capital_signals order by message_id, position"
    )
    ledger = ask("select message_id, outcome, reason, ts, text from ledger order by message_id")
    rows = ask("select legacy_id, fate, message_id, double_of from legacy_rows order by legacy_id")
    return stored, ledger, rows


@dataclass(frozen=True)
class Story:
    """What is posted, what the old table holds in batches, and in which order both come."""

    versions: list[Version]
    rows: list[LegacyRow]
    batches: list[list[LegacyRow]]
    #: what comes next: a batch, a message or a round; what is left over comes then, batches first
    mix: list[str]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    rows = draw(old_rows())
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    batches = [rows[start:end] for start, end in pairwise([0, *cuts, len(rows)]) if start < end]
    # a killed run goes on with the last row it has taken, and reads it once more
    killed = draw(st.integers(0, len(batches) - 1))
    batches.insert(killed + 1, batches[killed][-1:])
    return Story(
        draw(posted()),
        rows,
        batches,
        draw(st.lists(st.sampled_from(["batch", "message", "round"]), max_size=18)),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_any_order_ends_the_same(database: Database, ledger: Ledger, ask: Ask, story: Story) -> None:
    old = LegacyImport(database, ledger, LegacyReader(retention=RETENTION, now=datetime.now(UTC)).take)
    migrating: list[Step] = [partial(old.take, batch) for batch in story.batches]
    back_filling: list[Step] = [partial(write, ledger, [v.message()]) for v in story.versions]
    batches, messages = iter(migrating), iter(back_filling)
    steps = {"batch": batches, "message": messages, "round": repeat(partial(settle_rows, ledger))}
    mixed = [step for which in story.mix if (step := next(steps[which], None))]
    mixed += [*batches, *messages]

    ends = []
    for order in ([*migrating, *back_filling], [*back_filling, *migrating], mixed):
        empty(ask, "legacy_rows")
        for step in order:
            step()
        settle_rows(ledger)
        assert report(database, retention=RETENTION).problems == ()
        ends.append(state(ask))

    assert ends[0] == ends[1] == ends[2]
    answer = {
        row["legacy_id"]: None
        if row["fate"] == "double"
        else row["message_id"]
        if row["fate"] == "known"
        else ""
        for row in ends[0][2]
    }
    assert answer == expected(story.versions, story.rows)
