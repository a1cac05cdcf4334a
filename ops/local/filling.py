"""Fills the demo's databases. It runs as a process of its own: what it takes would stay with the engine.

``python -m ops.local.filling messages [FILE]`` imports the history at the gateway, ``prices`` stores the sample's prices.
The environment names the databases. One line tells what was done, or why it was not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from config import load_settings
from engine.bars import BarSource
from engine.timers import TimerThread
from ops.exit_codes import EXIT_FAILED, EXIT_OK
from ops.gateway.database import URL_SETTING
from ops.gateway.importer import ImportFileError, import_file, import_messages
from ops.local.sample import SAMPLE_CHANNEL, load_sample
from ops.local.sample_bars import sample_bars, sample_instruments
from ops.terminal import say
from storage.errors import StorageError
from storage.postgres.bars import Bars
from storage.postgres.database import Database
from storage.postgres.instruments import Instruments

__all__ = ["main"]

#: bars of one transaction
_BATCH = 5000


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for, and return the exit code."""
    what, *files = arguments
    now = datetime.now(UTC)
    try:
        say(_store_prices(now) if what == "prices" else _import_history(*map(Path, files), now=now))
    except (ImportFileError, StorageError, OSError) as error:
        say(str(error))
        return EXIT_FAILED
    return EXIT_OK


def _import_history(file: Path | None = None, *, now: datetime) -> str:
    """Import a file, or the sample. Messages that are already there are not doubled."""
    dsn = os.environ[URL_SETTING]
    if file is not None:
        return import_file(file, dsn, channel_id=SAMPLE_CHANNEL).words()
    return import_messages(dsn, load_sample(now)).words()


def _store_prices(now: datetime) -> str:
    """Store bars and instruments. Those of an earlier start stay, as its messages do."""
    settings = load_settings(env_file=None).database
    timers = TimerThread()
    database = Database(settings.conninfo, schema=settings.schema_name, pool_max=2, timers=timers)
    try:
        database.open()
        bars, instruments = Bars(database), Instruments(database)
        options = sample_instruments(now)
        if instruments.starting(options[-1].symbol):
            return "already there"
        given = sample_bars(now)
        while batch := list(islice(given, _BATCH)):
            bars.put(batch, source=BarSource.SAMPLE)
        # last, so that an end before it has the next start begin again
        instruments.put(options)
        return f"of {len(options)} instruments and their papers"
    finally:
        database.close()
        timers.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
