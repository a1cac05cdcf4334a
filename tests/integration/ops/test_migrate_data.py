"""``tp-capital migrate-data`` as an operator runs it: counts, refusals, resuming; never a traceback or a secret."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from actors.grammar import GRAMMAR_VERSION
from engine.timers import TimerThread
from ops.cli import app
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, migrate
from tests.bench.old_table import CHANNEL, create_old_table, deliver, old_history, old_row, put_old_rows

NOW = datetime.now(UTC)
COUNT = 240


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """Bring the test's database up to date and give its ledger."""
    timers = TimerThread()
    migrate(database_url, schema="signals", strategy=Strategy.NEON, timers=timers)
    database = Database(database_url, schema="signals", pool_max=4, timers=timers)
    database.open()
    yield Ledger(database, grammar_version=GRAMMAR_VERSION)
    database.close()
    timers.close()


@pytest.fixture
def command(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command, by default migrate-data, against the test's database, which holds the old table as well."""
    for name in [name for name in os.environ if name.startswith(("TP_CAPITAL_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TP_CAPITAL_DB_STRATEGY", "neon")
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL", database_url)
    monkeypatch.setenv("TP_CAPITAL_LEGACY_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, word: str = "migrate-data") -> Result:
        result = CliRunner().invoke(app, [word, *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


Command = Callable[..., Result]


def ask(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def fill(database_url: str, **where: str) -> list[Any]:
    """Make an old table of the history of COUNT messages; return that history."""
    create_old_table(database_url, **where)
    history = list(old_history(COUNT, now=NOW))
    schema = {"schema": where["schema"]} if "schema" in where else {}
    put_old_rows(database_url, [row for posted in history for row in posted.rows], **schema)
    return history


def written(database_url: str) -> list[tuple[Any, ...]]:
    return ask(
        database_url,
        "select (select count(*) from signals.legacy_rows), (select number from signals.commits)",
    )


# ── taking over ──────────────────────────────────────────────────────────────


def test_a_trial_says_what_the_run_then_does(ledger: Ledger, database_url: str, command: Command) -> None:
    history = fill(database_url)
    deliver(ledger, [posted.message for posted in history if posted.message][: COUNT // 2])
    before = written(database_url)
    trial = command("--dry-run", "--json", "--batch", "50")
    assert (trial.exit_code, trial.stderr) == (0, "")
    assert written(database_url) == before
    done = command("--json", "--batch", "50")
    assert (done.exit_code, done.stderr) == (0, "")
    said, did = json.loads(trial.stdout), json.loads(done.stdout)
    assert said["dryRun"]
    assert said["fates"] == did["fates"]
    assert said["verdicts"] == did["verdicts"]
    assert said["notes"] == did["notes"]
    rows = sum(len(posted.rows) for posted in history)
    assert did["rows"] == did["oldTable"]["rows"] == rows == sum(f["rows"] for f in did["fates"].values())
    assert all(did["fates"][fate]["rows"] for fate in ("kept", "known", "expired", "double"))
    assert did["problems"] == []


def test_a_trial_notes_what_the_run_then_notes(ledger: Ledger, database_url: str, command: Command) -> None:
    """A double of another price and one of another asset, of a row of this run and of a run before; a refused row."""
    create_old_table(database_url)
    at = NOW - timedelta(days=1)
    text, other = "Bom dia, tudo bem?", "Boa tarde, tudo bem?"
    put_old_rows(database_url, [old_row(text, at)])
    assert command().exit_code == 0
    put_old_rows(
        database_url,
        [
            old_row(text, at, stop=Decimal("9.00")),
            old_row(text, at),
            old_row(other, at),
            old_row(other, at, asset="VALE3"),
            old_row(other, at),
            old_row("Boa noite", at, stop="NaN"),
        ],
    )
    trial, done = command("--dry-run", "--json"), command("--json")
    assert (trial.exit_code, done.exit_code) == (0, 1)
    said, did = json.loads(trial.stdout)["notes"], json.loads(done.stdout)["notes"]
    doubles = [(note["id"], note["asset"], note["detail"]) for note in said if note["what"] == "double"]
    words = "not imported: it has the same text and instant as row {}, but other values"
    assert doubles == [("2", "PETR4", words.format(1)), ("5", "VALE3", words.format(4))]
    # the run's report is of all that has been taken, row 1 too
    assert said == [note for note in did if note["id"] != "1"]
    refused = json.loads(trial.stdout)["fates"]["refused"]
    assert refused == json.loads(done.stdout)["fates"]["refused"]


def test_the_sums_are_those_of_the_rows_to_the_last_digit(
    ledger: Ledger, database_url: str, command: Command
) -> None:
    rows = [row for posted in fill(database_url) for row in posted.rows]
    body = json.loads(command("--json").stdout)
    for name in ("buy_min", "target_1", "target_final", "stop"):
        summed = sum((row[name] or Decimal(0) for row in rows), Decimal(0))
        assert Decimal(body["oldTable"]["sums"][name]) == summed
        assert sum(Decimal(fate["sums"][name]) for fate in body["fates"].values()) == summed
    stored = ask(
        database_url, "select sum(stop) from signals.tp_capital_signals where message_id like 'legacy:%'"
    )
    assert Decimal(body["kept"]["stop"]["stored"]) == stored[0][0]


def test_the_end_is_a_table_for_a_person(ledger: Ledger, database_url: str, command: Command) -> None:
    fill(database_url)
    result = command()
    assert (result.exit_code, result.stderr) == (0, "")
    for words in (
        "kept as legacy:<id>",
        "the old table",
        "exact digits taken from the text",
        "flagged legacy_reading",
        "rows of old.tp_capital_signals imported, 0 of them earlier, in ",
    ):
        assert words in result.stdout
    noted = [line for line in result.stdout.splitlines() if line.startswith("  reading  row ")]
    assert 0 < len(noted) <= 20
    again = command()
    assert again.exit_code == 0
    assert "imported, 0 of them earlier" not in again.stdout


def test_more_notes_than_a_page_are_counted(ledger: Ledger, database_url: str, command: Command) -> None:
    create_old_table(database_url)
    at = NOW - timedelta(days=1)
    put_old_rows(database_url, [old_row(f"Bom dia {n}", at) for n in range(23)])
    result = command("--dry-run")
    assert "and 3 more: --json lists all" in result.stdout
    assert len(json.loads(command("--dry-run", "--json").stdout)["notes"]) == 23


@pytest.mark.parametrize("key", ["uuid", "text"])
def test_keys_that_are_no_numbers_have_their_order_too(
    ledger: Ledger, database_url: str, command: Command, key: str
) -> None:
    create_old_table(database_url, key=key)
    rows = [dict(row) for posted in old_history(60, now=NOW) for row in posted.rows]
    for number, row in enumerate(rows):
        row_id = f"{number * 7919 % 1009:08x}"
        row["id"] = f"{row_id}-0000-4000-8000-000000000000" if key == "uuid" else f"Row {row_id}"
    put_old_rows(database_url, rows[:30])
    assert command("--batch", "7").exit_code == 0
    # the rest has keys before and after those that were taken
    put_old_rows(database_url, rows[30:])
    result = command("--batch", "7")
    assert result.exit_code == 1
    assert "have not been taken: run again with --again" in result.stderr
    result = command("--batch", "7", "--again")
    assert (result.exit_code, result.stderr) == (0, "")
    assert written(database_url)[0][0] == len(rows)


def test_a_table_with_more_and_with_fewer_columns_is_read(
    ledger: Ledger, database_url: str, command: Command
) -> None:
    fill(database_url)
    for change in ("drop column source", "drop column created_at", "add column note text default 'x'"):
        ask_nothing(database_url, f"alter table old.tp_capital_signals {change}")
    assert command().exit_code == 0
    assert ask(database_url, "select distinct source from signals.ledger") == [("legacy",)]


def test_floats_are_what_they_were_written_as(ledger: Ledger, database_url: str, command: Command) -> None:
    fill(database_url)
    for name in ("buy_min", "stop"):
        ask_nothing(database_url, f"alter table old.tp_capital_signals alter {name} type double precision")
    result = command("--json")
    assert result.exit_code == 0, result.stderr
    (stop,) = ask(database_url, "select sum(stop::numeric) from old.tp_capital_signals")[0]
    assert Decimal(json.loads(result.stdout)["oldTable"]["sums"]["stop"]) == stop


def test_a_channel_may_have_had_another_name(ledger: Ledger, database_url: str, command: Command) -> None:
    history = fill(database_url)
    ask_nothing(database_url, "update old.tp_capital_signals set channel = 'tp'")
    deliver(ledger, [posted.message for posted in history if posted.message])
    trial = command("--dry-run", "--json")
    assert "known" not in json.loads(trial.stdout)["fates"]
    assert "channel tp is not in TP_CAPITAL_SIGNALS_CHANNEL_ID" in trial.stderr
    done = command("--json", "--channel", f"tp={CHANNEL}")
    assert json.loads(done.stdout)["fates"]["known"]["rows"] > COUNT / 2
    assert done.stderr == ""


def ask_nothing(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


# ── what must not be ─────────────────────────────────────────────────────────


def test_a_signal_that_is_missing_or_other_is_a_mismatch(
    ledger: Ledger, database_url: str, command: Command
) -> None:
    fill(database_url)
    assert command().exit_code == 0
    ask_nothing(
        database_url,
        "delete from signals.tp_capital_signals where message_id = (select max(message_id) from signals.tp_capital_signals)",
    )
    ask_nothing(
        database_url,
        "update signals.tp_capital_signals set stop = stop + 1"
        " where message_id = (select min(message_id) from signals.tp_capital_signals)",
    )
    ask_nothing(
        database_url,
        "insert into signals.ledger select channel, 'legacy:x', gateway_id, outcome, reason,"
        " reading, ts, text, caption, source, telegram_date, received_at, message_updated_at, reply_to,"
        " grammar_version, commit_number from signals.ledger limit 1",
    )
    ask_nothing(database_url, "delete from old.tp_capital_signals where id = 3")
    result = command()
    assert result.exit_code == 1
    assert [line.removeprefix("tp-capital: ") for line in result.stderr.splitlines()] == [
        "1 kept rows have no signal",
        "1 signals of kept rows have another stop than the old table",
        "1 messages of the ledger are of an old row that does not say so",
        "1 rows that have been taken are no longer in the old table",
    ]


def test_sums_that_differ_are_a_mismatch(ledger: Ledger, database_url: str, command: Command) -> None:
    fill(database_url)
    assert command().exit_code == 0
    ask_nothing(database_url, "update old.tp_capital_signals set stop = stop + 0.01 where id = 4")
    result = command()
    assert result.exit_code == 1
    assert "the sum of stop is " in result.stderr


def test_rows_that_cannot_be_used_are_listed_and_counted(
    ledger: Ledger, database_url: str, command: Command
) -> None:
    fill(database_url)
    ask_nothing(database_url, "update old.tp_capital_signals set stop = 'NaN' where id = 5")
    result = command()
    assert result.exit_code == 1
    assert "refused  row 5" in result.stdout
    assert result.stderr == "tp-capital: 1 rows cannot be used; they stand in legacy_rows as they were\n"


# ── wrong usage ──────────────────────────────────────────────────────────────


def refused(result: Result, code: int) -> str:
    """Return the one line in which the command said why it did nothing."""
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("tp-capital: ")
    return line.removeprefix("tp-capital: ")


def test_our_own_table_is_no_old_one(ledger: Ledger, database_url: str, command: Command) -> None:
    line = refused(command("--table", "signals.tp_capital_signals"), 2)
    assert "must be two" in line
    assert "no table tp_capital_signals of the former service" in refused(command(), 2)


def test_the_table_is_named_when_there_are_several(
    ledger: Ledger, database_url: str, command: Command
) -> None:
    fill(database_url)
    fill(database_url, schema="Older still")
    line = refused(command(), 2)
    assert '"Older still"."tp_capital_signals", "old"."tp_capital_signals"' in line
    assert command("--table", '"Older still".tp_capital_signals').exit_code == 0
    # a copy of it says the same: nothing is new
    assert "0 of them earlier" not in command("--table", "old.tp_capital_signals").stdout


def test_a_wrong_table_is_wrong_usage(ledger: Ledger, database_url: str, command: Command) -> None:
    create_old_table(database_url)
    ask_nothing(database_url, "create table old.other (id bigint, asset text)")
    ask_nothing(database_url, "create table old.twice (like old.tp_capital_signals)")
    for _ in range(2):
        ask_nothing(database_url, "insert into old.twice (id, channel) values (1, 'c')")
    for arguments, words in (
        (["--table", "nowhere.signals"], "--table nowhere.signals: there is no such table"),
        (["--table", "a.b.c.d"], "--table a.b.c.d: no table's name"),
        (["--table", "old.other"], "old.other lacks the columns channel, signal_type, "),
        (["--table", "old.twice"], "the column id of old.twice is no key: 2 rows, 1 different ids"),
        (["--channel", "tp"], "--channel tp: the form must be OLD=ID"),
    ):
        assert words in refused(command(*arguments), 2)


def test_another_table_than_before_is_refused(ledger: Ledger, database_url: str, command: Command) -> None:
    fill(database_url)
    assert command().exit_code == 0
    create_old_table(database_url, schema="other")
    put_old_rows(
        database_url, [old_row(f"Bom dia {n}", NOW - timedelta(days=1)) for n in range(400)], schema="other"
    )
    assert "rows of one old table only" in refused(command("--table", "other.tp_capital_signals"), 2)


@pytest.mark.parametrize("place", ["[h", "h:notaport", "h:99999"])
def test_a_bad_address_is_wrong_usage_and_tells_no_secret(command: Command, place: str) -> None:
    line = refused(command("--from", f"postgresql://u:s3cret@{place}/db"), 2)
    assert line.startswith("--from: ")
    assert "s3cret" not in line


def test_a_server_that_is_not_there_is_failed_work(ledger: Ledger, command: Command) -> None:
    line = refused(command("--from", "postgresql://u:s3cret@127.0.0.1:1/db"), 1)
    assert line.startswith("cannot read the old table: ")
    assert "refused" in line
    assert "s3cret" not in line
    # the remedy speaks of the address that was tried, not of the engine's own
    assert "set host and port: --from" in line
    assert "TP_CAPITAL_D" not in line


@pytest.mark.usefixtures("no_role_stays")
def test_without_the_right_to_read_it_says_so(
    ledger: Ledger, database_url: str, direct_url: str, command: Command
) -> None:
    create_old_table(database_url)
    ask_nothing(database_url, "create role legacy_blind login password 'x'")
    try:
        line = refused(command("--from", make_conninfo(direct_url, user="legacy_blind", password="x")), 1)
    finally:
        ask_nothing(database_url, "drop role legacy_blind")
    assert "permission denied" in line


def test_without_our_schema_nothing_is_done(database_url: str, command: Command) -> None:
    create_old_table(database_url)
    assert refused(command(), 1) == "the schema is not up to date; run `tp-capital migrate` first"


def test_the_old_table_under_our_name_is_moved_and_then_taken(database_url: str, command: Command) -> None:
    """The whole way of docs/migrating.md: migrate stops with the remedy, which is done; then all goes well."""
    fill(database_url, schema="signals")
    stopped = command(word="migrate")
    assert stopped.exit_code == 1
    remedy = stopped.stderr[stopped.stderr.index("alter schema") :].strip()
    ask_nothing(database_url, remedy)
    assert command(word="migrate").exit_code == 0
    result = command()
    assert (result.exit_code, result.stderr) == (0, "")
    assert "rows of signals_legacy.tp_capital_signals imported" in result.stdout
