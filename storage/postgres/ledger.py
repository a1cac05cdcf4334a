"""The ledger: one transaction decides which messages of a batch are news, and writes signals for those alone.

Delivery is at least once, and the effect is exactly once: signals are written only for ledger rows that the same
transaction inserted or changed.

The transaction first draws a commit number. That update locks the only row of ``commits`` until the end, so writing
transactions run one after the other, in the order of their numbers. Writers of other daemons, ``replay --apply``,
the import of old rows and changes of channels all draw a number too, so none of them changes the ledger, signals,
events or markets while another one decides. Readers draw none and never wait: they see the state before or after.
A transaction may commit although its answer was lost; a repetition then finds only duplicates.
Left out: locks on single messages. They would let more writers work at once, but numbers would no longer be in commit
order, and pages, streams and caches rely on that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import scalar_row

from engine.model import Market, Outcome
from storage.postgres.commit_numbers import COMMIT_INSTANT, draw_number
from storage.postgres.database import Cursor, Database
from storage.postgres.dead_letters import DeadLetterWriter
from storage.postgres.events import EventWriter
from storage.postgres.former_texts import FormerTexts
from storage.postgres.halves import Halves, Rereader
from storage.postgres.ledger_rows import deduplicate, is_only_deleted, key_of, ledger_row, signal_row, to_json
from storage.postgres.markets import PresentMarkets
from storage.postgres.standing import day_of
from storage.postgres.standings import SETTLED_COLUMNS, Standings
from storage.postgres.superseded import Superseded

__all__ = ["Ledger", "Recorded"]

# The outcome of a known message is replaced in four cases: it was a dead letter and can be read now; its text was
# edited later, or its message was deleted later; a readable text arrives where none was shown; a reread gives another reading, and its text is not older
# than the stored one. Everything else is a duplicate, also an older text that arrives late.
_RECORD = """
with row as materialized (
    select * from json_to_recordset(%(rows)s) as row (
        channel text, message_id text, gateway_id text, outcome text, reason text, reading text, ts timestamptz,
        text text, caption text, source text, telegram_date timestamptz, received_at timestamptz,
        message_updated_at timestamptz, reply_to text, market text, half text, half_side text, half_asset text,
        deleted boolean)),
recorded as (
    insert into {schema}.ledger as known (
        channel, message_id, gateway_id, outcome, reason, reading, ts, text, caption, source, telegram_date,
        received_at, message_updated_at, reply_to, market, half, half_side, half_asset, deleted, grammar_version,
        commit_number)
    select channel, message_id, gateway_id, outcome, reason, reading, ts, text, caption, source, telegram_date,
        received_at, message_updated_at, reply_to, market, half, half_side, half_asset, deleted, %(grammar_version)s,
        %(number)s
    from row
    on conflict (channel, message_id) do update set
        gateway_id = excluded.gateway_id, outcome = excluded.outcome, reason = excluded.reason,
        reading = excluded.reading, ts = excluded.ts, text = excluded.text, caption = excluded.caption,
        source = excluded.source, telegram_date = excluded.telegram_date, received_at = excluded.received_at,
        message_updated_at = excluded.message_updated_at, reply_to = excluded.reply_to, market = excluded.market,
        half = excluded.half, half_side = excluded.half_side, half_asset = excluded.half_asset,
        deleted = excluded.deleted,
        grammar_version = excluded.grammar_version, commit_number = excluded.commit_number, changed_at = now()
    where excluded.outcome <> 'dead_letter' and (
        known.outcome = 'dead_letter'
        or ((known.text, known.caption, known.deleted)
                is distinct from (excluded.text, excluded.caption, excluded.deleted)
            and excluded.message_updated_at > known.message_updated_at)
        -- an outcome that stands for a text that was not shown gives way to the text (fault 35)
        or (known.outcome in ('empty', 'not_signal') and excluded.outcome not in ('empty', 'not_signal', 'filtered')
            and (known.text, known.caption) is distinct from (excluded.text, excluded.caption)
            and coalesce(excluded.message_updated_at >= known.message_updated_at, true))
        or (%(reread)s and known.reading <> excluded.reading
            and coalesce(excluded.message_updated_at >= known.message_updated_at, true)))
    returning channel, message_id, xmax = 0 as inserted)
-- this join sees the ledger as it was before the statement
select channel, message_id, inserted, held.ts, held.text, held.caption, held.telegram_date, held.reading,
    held.message_updated_at
from recorded left join {schema}.ledger as held using (channel, message_id)
"""

# The same text came with a later version. The ledger keeps the later version, so that a text from between the two, if it
# arrives afterwards, counts as older.
_CONFIRM = """
update {schema}.ledger as known set message_updated_at = row.message_updated_at
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, outcome text, text text, caption text, message_updated_at timestamptz)
where known.channel = row.channel and known.message_id = row.message_id
    and known.outcome <> 'dead_letter' and row.outcome <> 'dead_letter'
    and (known.text, known.caption) is not distinct from (row.text, row.caption)
    and known.message_updated_at < row.message_updated_at
"""

_REMOVE = """
delete from {schema}.ledger using json_to_recordset(%(keys)s) as key (channel text, message_id text)
where ledger.channel = key.channel and ledger.message_id = key.message_id
returning ledger.channel, ledger.message_id, ledger.ts
"""

# Clients of the former service tell signals apart by `ingested_at` (fault 75), so no two have the same one. Batches
# do not overlap: each reads the clock while it holds the commit number, and its rows take longer than a microsecond.
_INSERT_SIGNALS = """
insert into {schema}.tp_capital_signals (
    ts, channel, message_id, position, signal_type, side, asset, buy_min, buy_max, targets, target_final,
    stop, valid_until, warnings, raw_message, source, provenance, grammar_version, commit_number, updated_at, ingested_at)
select ts, channel, message_id, position, signal_type, side, asset, buy_min, buy_max, targets, target_final,
    stop, valid_until, warnings, raw_message, source, provenance, %(grammar_version)s, %(number)s,
    {instant}, coalesce(ingested_at, (select clock_timestamp())) + interval '1 microsecond'
        * (row_number() over (partition by ingested_at order by ts, message_id, position) - 1)
from json_to_recordset(%(rows)s) as row (
    ts timestamptz, channel text, message_id text, position smallint, signal_type text, side text, asset text,
    buy_min numeric, buy_max numeric, targets numeric[], target_final numeric, stop numeric, valid_until text,
    warnings text[], raw_message text, source text, provenance jsonb, ingested_at timestamptz)
order by row.ts, row.message_id, row.position
returning {settled}
"""

_KNOWN_OUTCOMES = "select outcome, count(*) as messages from {schema}.ledger group by outcome"
_COMMIT_NUMBER = "select number from {schema}.commits"
# neither this lock nor the lock of a transaction that draws a number waits for the other; a standby refuses it
_CERTAIN_NUMBER = f"{_COMMIT_NUMBER} for key share"
# one index look-up for each channel, however long the ledger is
_NEWEST_RECEIVED = """
select wanted.channel, (
    select max(received_at) from {schema}.ledger
    where ledger.channel = wanted.channel and received_at <= now() + interval '5 minutes') as received_at
from unnest(%(channels)s::text[]) as wanted (channel)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The result of one transaction. ``new`` and ``moved`` hold keys (channel, message id). Moved rows were replaced.

    ``after`` is the number of the last commit before it.
    ``changed`` counts the signals that are new, that got or lost events, or that were replaced.
    """

    commit_number: int
    after: int | None = None
    new: frozenset[tuple[str, str]]
    moved: frozenset[tuple[str, str]]
    duplicates: int
    signals: int
    changed: int


class Ledger:
    """Writes outcomes, each exactly once.

    ``reader`` is the grammar. Only this transaction knows the present market of a channel and the messages beside a
    second half, so it may have to reread a message. Without a reader, outcomes are stored unchanged. ``markets`` maps
    channels to the markets of the settings.
    """

    def __init__(
        self,
        database: Database,
        *,
        grammar_version: str,
        reader: Rereader | None = None,
        markets: Mapping[str, Market] | None = None,
    ) -> None:
        self._database = database
        self._grammar_version = grammar_version
        self._present: PresentMarkets | None = None
        halves = None
        if reader is not None:
            self._present = PresentMarkets(database.schema, reader, markets or {})
            halves = Halves(database.schema, reader)
        self._events = EventWriter(database.schema, halves)
        self._letters = DeadLetterWriter(database.schema)
        self._former_texts = FormerTexts(database.schema)
        self._superseded = Superseded(database.schema)
        self._standings = Standings(database.schema)
        schema = sql.Identifier(database.schema)
        self._sql = {
            name: sql.SQL(text).format(schema=schema, settled=SETTLED_COLUMNS, instant=COMMIT_INSTANT)
            for name, text in {
                "record": _RECORD,
                "confirm": _CONFIRM,
                "remove": _REMOVE,
                "signals": _INSERT_SIGNALS,
                "outcomes": _KNOWN_OUTCOMES,
                "number": _COMMIT_NUMBER,
                "certain": _CERTAIN_NUMBER,
                "newest": _NEWEST_RECEIVED,
            }.items()
        }

    def record(self, outcomes: Sequence[Outcome], *, reread: bool = False) -> Recorded:
        """Make the outcomes durable in one transaction, and return which of them were news.

        Raises:
            RowsRefusedError: the database refuses a value of these rows; nothing was written.
            DatabaseUnavailableError: the database cannot be used now. The outcomes may be written or not; repeating
                the call is safe.
            DatabaseMisconfiguredError: a part of the schema or a right is missing.
        """
        single = deduplicate(outcomes)

        def work(cursor: Cursor) -> Recorded:
            drawn = draw_number(cursor, self._database.schema)
            present = single if self._present is None else self._present.of(cursor, single)
            recorded = self._record(cursor, drawn.number, present, reread=reread)
            return replace(recorded, after=drawn.after)

        return self._database.write(work)

    def draw(self, cursor: Cursor) -> int:
        """Return a number for the caller's transaction. Until its end, no other transaction that draws a number runs."""
        return draw_number(cursor, self._database.schema).number

    def record_within(
        self,
        cursor: Cursor,
        number: int,
        outcomes: Sequence[Outcome],
        *,
        leaving: Sequence[tuple[str, str]],
    ) -> None:
        """Record in the caller's transaction, which has drawn ``number``. Remove the ``leaving`` keys from the ledger."""
        gone: dict[tuple[str, str], datetime | None] = {}
        if leaving:
            keys = [{"channel": channel, "message_id": message} for channel, message in leaving]
            for row in cursor.execute(self._sql["remove"], {"keys": to_json(keys).decode()}):
                gone[row["channel"], row["message_id"]] = row["ts"]
        self._record(cursor, number, deduplicate(outcomes), reread=False, gone=gone)

    def commit_number(self) -> int:
        """Return the number of the last committed transaction."""
        rows = self._database.ask(self._sql["number"], {}, scalar_row)
        return int(rows[0]) if rows else 0

    def certain_number(self) -> int:
        """Return the same number from the server that takes writes. A standby may lag, and it refuses this query."""

        def work(cursor: Cursor) -> int:
            row = cursor.execute(self._sql["certain"]).fetchone()
            return int(row["number"]) if row else 0

        return self._database.check(work)

    def newest_received(self, channels: Sequence[str]) -> dict[str, datetime]:
        """Return when the gateway received each channel's newest message. A channel without messages is left out."""

        def work(cursor: Cursor) -> dict[str, datetime]:
            rows = cursor.execute(self._sql["newest"], {"channels": list(channels)})
            return {row["channel"]: row["received_at"] for row in rows if row["received_at"] is not None}

        return self._database.check(work)

    def counts(self) -> dict[str, int]:
        """Return the number of messages by outcome."""
        return self._database.read(
            lambda cursor: {row["outcome"]: row["messages"] for row in cursor.execute(self._sql["outcomes"])}
        )

    def _record(
        self,
        cursor: Cursor,
        number: int,
        outcomes: Sequence[Outcome],
        *,
        reread: bool,
        gone: Mapping[tuple[str, str], datetime | None] | None = None,
    ) -> Recorded:
        parameters = {"number": number, "grammar_version": self._grammar_version, "reread": reread}
        rows = [ledger_row(outcome) for outcome in outcomes]
        new: set[tuple[str, str]] = set()
        # the replaced rows, as they were
        stood: dict[tuple[str, str], dict[str, Any]] = {}
        for row in cursor.execute(self._sql["record"], {**parameters, "rows": to_json(rows).decode()}):
            key = row["channel"], row["message_id"]
            if row["inserted"]:
                new.add(key)
            else:
                stood[key] = row
        moved = frozenset(stood)
        late = [row for row in rows if (row["channel"], row["message_id"]) not in new | moved]
        if late:
            cursor.execute(self._sql["confirm"], {"rows": to_json(late).decode()})
        self._former_texts.remember(cursor, stood=list(stood.values()), late=late, number=number)
        news = [outcome for outcome in outcomes if key_of(outcome) in new or key_of(outcome) in moved]
        withdrawn = {
            key
            for outcome in news
            if (key := key_of(outcome)) in stood and is_only_deleted(outcome, stood[key]["reading"])
        }
        # each message whose signals are replaced, with the instant of those signals
        former = {**(gone or {}), **{key: row["ts"] for key, row in stood.items() if key not in withdrawn}}
        signals = [
            signal_row(outcome, signal)
            for outcome in news
            if key_of(outcome) not in withdrawn
            for signal in outcome.signals
        ]
        self._superseded.move(cursor, former, number=number, following=signals)
        came: list[dict[str, Any]] = []
        if signals:
            rows_of = {**parameters, "rows": to_json(signals).decode()}
            came = cursor.execute(self._sql["signals"], rows_of).fetchall()
        # a signal that replaces one of its message has that one's events
        superseded = sorted(former.keys() | withdrawn)
        touched = self._events.write(cursor, news, superseded, number=number) | former.keys()
        today = day_of(self._database.now())
        changed = self._standings.settle(cursor, came, touched, number=number, today=today)
        self._letters.write(cursor, outcomes, moved, reread=reread)
        return Recorded(
            commit_number=number,
            new=frozenset(new),
            moved=moved,
            duplicates=len(outcomes) - len(news),
            signals=len(signals),
            changed=changed + len(moved),
        )
