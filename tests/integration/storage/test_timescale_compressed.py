"""Fault 39: weeks that somebody has compressed take what comes late, are edited at small cost, and go in time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from engine.model import Outcome
from storage.postgres.archive import Archive
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.support.databases import as_engine
from tests.support.outcomes import a_message, a_signal, signal_outcome
from tests.support.timescale import ON_TIMESCALE

pytestmark = ON_TIMESCALE

Ask = Callable[..., list[dict[str, Any]]]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TABLE = "signals.tp_capital_signals"
#: as TimescaleDB packs them
BATCH = 1000
#: the server's limit by default is 100,000 rows for a statement
ROWS = 110_000


@pytest.fixture
def packed(ledger: Ledger, ask: Ask) -> datetime:
    """Store signals over 80 days, compress every week, and give the instant of the first one, message 1."""
    first = datetime.now(UTC).replace(microsecond=0) - 80 * DAY
    ledger.record([message(number, first) for number in (1, 2)])
    ask(
        f"insert into {TABLE} (ts, channel, message_id, position, signal_type, side, asset, targets, warnings,"
        " raw_message, source, provenance, grammar_version, commit_number, ingested_at)"
        " select %s::timestamptz + interval '80 days' * (g::float8 / %s), '-100' || g %% 8, 'f' || g, 0,"
        " 'Swing Trade', 'buy', 'PETR4', '{31,32}', '{}', 'filling ' || g, 'telegram', '[]', 'g1', 1, now()"
        " from generate_series(1, %s) as g",
        first,
        ROWS,
        ROWS,
    )
    compress(ask)
    return first


def message(number: int, first: datetime, *, minutes: int | None = None, edited: int = 0) -> Outcome:
    """Return message ``number``, so many minutes after the first; an edit has another stop."""
    at = first + MINUTE * (number if minutes is None else minutes)
    values = {"received_at": at, "telegram_date": at, "updated_at": at + DAY * edited}
    text = f"text {number}" + " edited" * edited
    return signal_outcome(a_message(number, text=text, **values), a_signal(stop=29 + edited))


def compress(ask: Ask) -> None:
    ask(f"alter table {TABLE} set (timescaledb.compress)")
    ask(
        f"select public.compress_chunk(chunk, if_not_compressed => true) from public.show_chunks('{TABLE}') as chunk"
    )


def stops(database: Database, *ids: int) -> dict[str, list[Any]]:
    wanted = {str(number) for number in ids}
    found: dict[str, list[Any]] = {}
    for row in Signals(database, retention=90 * DAY).find(SignalQuery(search="text ", limit=1000)).rows:
        if row["message_id"] in wanted:
            found.setdefault(row["message_id"], []).append(int(row["stop"]))
    return found


def test_fault_39_an_edit_is_stored_and_unpacks_one_batch_only(
    ledger: Ledger, database: Database, ask: Ask, packed: datetime
) -> None:
    before = partly_unpacked(ask)
    assert ledger.record([message(1, packed, edited=1)]).moved
    assert stops(database, 1, 2) == {"1": [30], "2": [29]}
    assert partly_unpacked(ask) - before <= 2 * BATCH
    assert [row["stop"] for row in ask("select stop::int from signals_history")] == [29]


def partly_unpacked(ask: Ask) -> int:
    """Count the rows of the weeks that lie in no compressed batch."""
    chunks = ask(
        "select format('%%I.%%I', chunk_schema, chunk_name) as name from timescaledb_information.chunks"
        " where hypertable_name = 'tp_capital_signals'"
    )
    return sum(ask(f"select count(*) as rows from only {chunk['name']}")[0]["rows"] for chunk in chunks)


def test_fault_39_more_late_messages_than_the_servers_limit_allows_are_stored(
    ledger: Ledger, database: Database, packed: datetime
) -> None:
    # one in each batch of a thousand, and in most weeks
    late = [message(number, packed, minutes=1040 * number) for number in range(3, 113)]
    assert ledger.record(late).signals == len(late)
    assert ledger.record(late).duplicates == len(late)
    edits = [message(number, packed, minutes=1040 * number, edited=1) for number in range(3, 113)]
    assert len(ledger.record(edits).moved) == len(late)
    assert ledger.record(late).duplicates == len(late)
    assert stops(database, *range(3, 113)) == {str(number): [30] for number in range(3, 113)}


def test_fault_39_retention_and_reading_all_again_see_what_is_packed(
    ledger: Ledger, database: Database, ask: Ask, packed: datetime
) -> None:
    old = message(900, packed - 20 * DAY)
    ledger.record([old])
    compress(ask)
    archived = [one for page in Archive(database).pages(channel=None, since=None) for one in page]
    assert {one.message.message_id: len(one.signals) for one in archived} == {"1": 1, "2": 1, "900": 1}
    (job,) = ask(
        "select job_id from timescaledb_information.jobs where hypertable_name = 'tp_capital_signals'"
    )
    ask(f"call public.run_job({job['job_id']})")
    assert not ask(f"select from {TABLE} where message_id = '900'")
    assert ledger.record([old]).duplicates == 1


def test_fault_39_the_engine_needs_no_further_right_for_packed_weeks(
    migrated_url: str, ask: Ask, packed: datetime
) -> None:
    assert packed
    with psycopg.connect(as_engine(migrated_url), autocommit=True) as connection:
        found = connection.execute(f"select count(*) from {TABLE} where asset = 'PETR4'".encode()).fetchone()
    assert found == (ROWS + 2,)
