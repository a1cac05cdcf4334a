"""Driver errors: each class of the failure table leads to the decision that stands there."""

import psycopg
import pytest
from psycopg import errors

from storage.errors import (
    DatabaseMisconfiguredError,
    DatabaseUnavailableError,
    RowsRefusedError,
    StorageError,
)
from storage.postgres.driver_errors import translate


def with_state(state: str) -> psycopg.Error:
    error = psycopg.Error("words of the server")
    error.sqlstate = state
    return error


def translated(error: Exception) -> StorageError:
    ours = translate(error)
    assert ours is not None
    return ours


@pytest.mark.parametrize(
    "state",
    ["21000", "22003", "22021", "22P02", "22P05", "23502", "23505", "23514", "54000", "54001"],
)
def test_a_refused_value_is_the_rows_fault_fault_3(state: str) -> None:
    ours = translated(with_state(state))
    assert type(ours) is RowsRefusedError
    assert state in str(ours)


@pytest.mark.parametrize(
    "state",
    [
        *("08000", "08001", "08003", "08006", "08P01", "25006", "25P03", "25P04", "40001", "40P01"),
        *("53000", "53100", "53200", "53300", "53400", "55000", "55006", "55P03"),
        *("57000", "57014", "57P01", "57P02", "57P03", "57P05", "58000", "58030"),
    ],
)
def test_a_server_that_cannot_serve_now_is_unavailable(state: str) -> None:
    ours = translated(with_state(state))
    assert type(ours) is DatabaseUnavailableError
    assert state in str(ours)


@pytest.mark.parametrize(
    ("state", "lost"),
    [
        *((state, True) for state in ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04")),
        ("25006", True),  # a standby or a read-only session: another may take writes (fault 32)
        *((state, False) for state in ("57014", "53300", "40001", "55P03", "58030")),
    ],
)
def test_only_a_connection_that_the_server_ends_is_worth_another_at_once(state: str, *, lost: bool) -> None:
    ours = translated(with_state(state))
    assert isinstance(ours, DatabaseUnavailableError)
    assert ours.connection_lost is lost


@pytest.mark.parametrize(
    "state",
    ["3F000", "42P01", "42703", "42501", "42883", "42601", "28P01", "0A000", "25001", "XX000", "P0001"],
)
def test_a_missing_table_column_or_right_and_all_unknown_is_the_deployments_fault(state: str) -> None:
    ours = translated(with_state(state))
    assert type(ours) is DatabaseMisconfiguredError
    assert state in str(ours)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (errors.UndefinedTable("relation does not exist"), DatabaseMisconfiguredError),
        (errors.UniqueViolation("twice"), RowsRefusedError),
        (errors.NumericValueOutOfRange("huge"), RowsRefusedError),
        (errors.DiskFull("no space"), DatabaseUnavailableError),
        (errors.ReadOnlySqlTransaction("standby"), DatabaseUnavailableError),
        (errors.DeadlockDetected("deadlock"), DatabaseUnavailableError),
    ],
)
def test_the_drivers_own_classes_lead_the_same_way(error: Exception, wanted: type[StorageError]) -> None:
    assert type(translated(error)) is wanted


def test_a_nul_byte_refused_by_the_driver_is_the_rows_fault() -> None:
    assert type(translated(psycopg.DataError("strings cannot contain NUL"))) is RowsRefusedError


def test_a_lone_surrogate_is_the_rows_fault_though_no_database_error() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "\ud800".encode()
    assert type(translated(caught.value)) is RowsRefusedError


@pytest.mark.parametrize("error", [psycopg.OperationalError("reset"), psycopg.InterfaceError("closed")])
def test_a_broken_connection_without_a_state_is_lost(error: Exception) -> None:
    ours = translated(error)
    assert isinstance(ours, DatabaseUnavailableError)
    assert ours.connection_lost


def test_a_driver_error_of_no_known_kind_is_the_deployments_fault() -> None:
    assert type(translated(psycopg.ProgrammingError("?"))) is DatabaseMisconfiguredError


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError("x"), ZeroDivisionError()])
def test_a_bug_of_ours_stays_what_it_is(error: Exception) -> None:
    assert translate(error) is None


def test_the_servers_words_are_one_short_line() -> None:
    error = psycopg.Error("first\n  second\t third " + "x" * 5000)
    error.sqlstate = "22003"
    text = str(translated(error))
    assert text.startswith("22003: first second third x")
    assert len(text) < 320
    assert "Error" in str(translated(psycopg.OperationalError()))
