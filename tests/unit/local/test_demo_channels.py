"""Which channel a demo reads: the sample's, or those of the settings where people bring messages of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.http.server.listening import Listening
from ops.local.demo import Demo
from ops.local.sample import SAMPLE_CHANNEL


@pytest.mark.parametrize(("messages", "channel"), [(None, SAMPLE_CHANNEL), (Path("result.json"), None)])
def test_messages_of_ones_own_have_channels_of_ones_own(
    messages: Path | None, channel: str | None, tmp_path: Path
) -> None:
    listening = Listening("127.0.0.1", 0)
    try:
        settings = Demo(listening, messages=messages, state=tmp_path)._settings()
    finally:
        listening.close()
    assert settings.get("TP_CAPITAL_SIGNALS_CHANNEL_ID") == channel
