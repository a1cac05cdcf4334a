"""Messages for each sentence of the format catalogue, labelled by hand from it.

A file holds those of the sections that its name tells, a message's id begins with its rule.
"""

from __future__ import annotations

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
