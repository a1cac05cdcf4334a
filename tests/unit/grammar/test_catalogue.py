"""Messages for each sentence of the format catalogue, labelled by hand from it.

A message's id begins with the section of its rule: ``SECTIONS`` that no id begins with have no message, and
the test of coverage names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.labels import assert_read_as_labelled, labelled_messages

MESSAGES = [
    message
    for path in sorted(Path(__file__).parent.glob("catalogue_*.jsonl"))
    for message in labelled_messages(path)
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message["id"]))
def test_message(message: Mapping[str, Any]) -> None:
    assert_read_as_labelled(message)


#: every section of the catalogue that makes a reading what it is
SECTIONS = (
    *("2", "3", "4", "5.1", "5.2", "5.3", "5.4", "5.5", "6", "7", "8"),
    *("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "10"),
    *("13.1", "13.2", "13.3", "13.4", "13.5", "13.6", "14.1", "14.3", "15"),
)


def test_every_section_has_messages() -> None:
    begun = {str(message["id"]).split("-")[0] for message in MESSAGES}
    untouched = [
        section
        for section in SECTIONS
        if not any(re.fullmatch(rf"{re.escape(section)}(?:[a-z]|\.[0-9]+)?", name) for name in begun)
    ]
    assert untouched == [], f"no test text touches {untouched}"
