"""What a dump's table of contents says: ours, the extension's, or somebody's code."""

from __future__ import annotations

import pytest

from ops.backup.filling import Content

SCHEMA = "5; 2615 1 SCHEMA - signals owner"
EXTENSION = "2; 3079 2 EXTENSION - timescaledb "
BLOCKER = "7; 2620 3 TRIGGER signals tp_capital_signals ts_insert_blocker owner"


@pytest.mark.parametrize(
    ("lines", "foreign"),
    [
        (["8; 1255 4 FUNCTION signals plain_text(text) owner", "9; 1259 5 VIEW signals of_mine owner"], ()),
        ([EXTENSION, BLOCKER], ()),
        ([BLOCKER], ("TRIGGER signals tp_capital_signals ts_insert_blocker owner",)),
        (
            [EXTENSION, "7; 2620 3 TRIGGER signals ledger planted owner"],
            ("TRIGGER signals ledger planted owner",),
        ),
        (["8; 1255 4 FUNCTION signals planted() owner"], ("FUNCTION signals planted() owner",)),
        (["8; 1255 4 FUNCTION public plain_text(text) owner"], ("FUNCTION public plain_text(text) owner",)),
    ],
)
def test_code_that_is_neither_ours_nor_the_extensions_is_foreign(
    lines: list[str], foreign: tuple[str, ...]
) -> None:
    assert Content("\n".join([";", SCHEMA, *lines]), "signals").foreign == foreign
