"""The enumerations of the document have every word that a signal can have."""

import re
from pathlib import Path

from actors.grammar import lexicon, target_numbers
from ops.http.routes.signal_models import SignalStatus, SignalWarning
from storage.postgres.status_filter import StatusFilter

ROOT = Path(__file__).parents[3]
WARNINGS = {warning.value for warning in SignalWarning}


def test_every_warning_of_the_grammar_is_in_the_document() -> None:
    written = "".join(path.read_text("utf-8") for path in (ROOT / "actors" / "grammar").glob("*.py"))
    found = set(re.findall(r'(?:yield|warnings\.add\(|extra\.add\() ?"(\w+)"', written))
    assert len(found) > 10
    # the two about dates are told beside the grammar (actors/grammar/outcome.py)
    assert found | {"missing_date", "implausible_date"} == WARNINGS


def test_every_warning_is_explained_to_programmers_and_to_readers_of_the_page() -> None:
    table = (
        (ROOT / "docs" / "messages.md").read_text("utf-8").partition("| warning | says |")[2].split("\n\n")[0]
    )
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == WARNINGS
    for language in ("en", "pt"):
        words = (ROOT / "ops" / "http" / "dashboard" / f"words.{language}.js").read_text("utf-8")
        assert set(re.findall(r'"warning\.(\w+)"', words)) >= WARNINGS


def test_every_target_that_a_message_can_number_is_a_status() -> None:
    highest = max(*lexicon.ORDINALS.values(), target_numbers._HIGHEST_INDEX)
    assert {f"target_{number}" for number in range(1, highest + 1)} == {
        status.value for status in SignalStatus if re.fullmatch(r"target_[0-9]+", status)
    }


def test_the_word_for_reached_targets_means_every_target() -> None:
    targets = {status.value for status in SignalStatus if status.startswith("target")}
    assert StatusFilter.of(["target"]) == StatusFilter(tuple(sorted(targets)), valid=False)
