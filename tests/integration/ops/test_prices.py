"""``tp-capital prices`` as a person runs it: files imported once, what is bad told, and what is stored shown."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from tests.support.databases import as_engine
from tests.support.price_files import cotahist_line, price_report, price_reports, write_cotahist

Command = Callable[..., Result]


@pytest.fixture
def command(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command against the test's database."""
    for name in [name for name in os.environ if name.startswith(("TP_CAPITAL_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TP_CAPITAL_DB_STRATEGY", "neon")
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL", as_engine(migrated_url))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["prices", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def test_files_of_several_kinds_are_imported_once_and_shown(command: Command, tmp_path: Path) -> None:
    put = cotahist_line("PETRW32", market="080", strike=3215, expiry="20251219", prices=(50, 52, 41, 47))
    write_cotahist(tmp_path / "history.txt", [cotahist_line(), put, cotahist_line("PETR4T", market="030")])
    report = [
        price_report("PETR4", FrstPric=38, MinPric=38, MaxPric=39, LastPric=38),
        price_report("WINZ25", FrstPric=127400, MinPric=127000, MaxPric=128000, LastPric=127900),
    ]
    (tmp_path / "report.xml").write_bytes(price_reports(report))
    first = command("import", "history.txt", "report.xml")
    assert first.exit_code == 0
    assert [line.partition(" (")[0] for line in first.stdout.splitlines()] == [
        "history.txt: cotahist: 3 records, 2 bars, 1 other markets, 0 bad; 2 new, 0 changed, 0 known",
        "report.xml: bvbg086: 2 records, 2 bars, 0 bad; 1 new, 0 changed, 0 known, 1 known from a better source",
    ]
    again = command("import", "history.txt")
    assert "; 0 new, 0 changed, 2 known" in again.stdout
    shown = command("show", "petrw32")
    assert shown.exit_code == 0
    assert "put, PETROBRAS PN N2, strike 32.15, expires 2025-12-19, BRPETRACNPR6" in shown.stdout
    assert "cotahist" in shown.stdout
    assert command("show", "MGLU3").exit_code == 1


def test_what_is_bad_is_told_with_its_place_and_the_rest_is_imported(
    command: Command, tmp_path: Path
) -> None:
    history = write_cotahist(tmp_path / "history.txt", [cotahist_line(), cotahist_line("VALE3")[:-1]])
    (tmp_path / "other.txt").write_text("no prices")
    result = command("import", str(history), "other.txt")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "history.txt: line 3: has 244 characters instead of 245"
    assert result.stderr.splitlines()[1].startswith("other.txt: is neither COTAHIST")
    assert "1 bars, 1 bad; 1 new" in result.stdout


def test_bars_that_go_on_are_left_out_and_those_past_retention_are_told(
    command: Command, tmp_path: Path
) -> None:
    rows = [f"VALE3,1d,{day},1,2,1,2" for day in ("1998-01-05", "2025-11-27", "2098-01-06")]
    lines = ["symbol,interval,opened_at,open,high,low,close", *rows]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    result = command("import", "mine.csv")
    assert "csv: 3 records, 2 bars, 1 not closed, 0 bad; 2 new" in result.stdout
    assert "; 1 are older than retention and go within the hour" in result.stdout


def test_a_dry_run_reads_without_a_database(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TP_CAPITAL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    write_cotahist(tmp_path / "history.txt", [cotahist_line()])
    result = command("import", "history.txt", "--dry-run")
    assert (result.exit_code, "1 bars, 0 bad; nothing was written" in result.stdout) == (0, True)
