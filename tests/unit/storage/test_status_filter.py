"""Which signals a filter by status selects: its SQL is compared with rows in the tests of pages."""

import pytest

from storage.postgres.status_filter import StatusFilter


@pytest.mark.parametrize(
    ("words", "status", "valid", "wanted"),
    [
        (["stopped"], "stopped", False, True),
        (["stopped"], "waiting", True, False),
        (["target"], "target_20", False, True),
        (["target"], "target_final", False, True),
        (["valid"], "target_1", True, True),
        (["valid"], "target_1", False, False),
        (["valid", "target_1"], "target_1", False, True),
        (["valid", "target_1"], "waiting", True, True),
    ],
)
def test_a_row_is_wanted_by_its_status_or_because_it_still_counts(
    words: list[str], status: str, *, valid: bool, wanted: bool
) -> None:
    by_status = StatusFilter.of(words)
    assert by_status is not None
    assert by_status.wants({"status": status, "valid": valid}) is wanted


def test_no_word_is_no_filter() -> None:
    assert StatusFilter.of(()) is None
