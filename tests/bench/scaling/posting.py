"""What channels post: signals, results, cancellations and talk, with edits and with messages that are sent twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import psycopg

from storage.errors import StorageError
from tests.support.messages import put, raw_message

__all__ = ["EDITED_EVERY", "Posting"]

_SIGNAL = "🟢Swing Trade\n\nAtivo: {asset}\nCompra: {price}\nAlvo 1: 12,00\nAlvo 2: 13,00\nStop: 9,00"
_TEXTS = (
    _SIGNAL.replace("{asset}", "PETR4"),
    "PETR4 alvo 1 atingido ✅",
    _SIGNAL.replace("{asset}", "VALE3"),
    "VALE3: mover stop para 9,50",
    "Cancelar ordem de VALE3",
    _SIGNAL.replace("{asset}", "ITUB4"),
    "PETR4 stop atingido ❌",
    "Bom dia",
)
#: one message in so many is edited, and another one is sent twice
EDITED_EVERY = 16
_AT_ONCE = 10
_RETRY_S = 0.5
_EDIT = """
update telegram_gateway.messages set text = replace(text, 'Compra: 10', 'Compra: 11'), updated_at = clock_timestamp()
where message_id::int %% %(every)s = 1 and message_id::int between %(first)s and %(last)s
"""
_DOUBLE = """
insert into telegram_gateway.outbox (message_row) select id from telegram_gateway.messages
where message_id::int %% %(every)s = 3 and message_id::int between %(first)s and %(last)s
"""


class Posting:
    """Posts ``each`` messages to every channel, the channels side by side, and edits the former ones meanwhile.

    It lasts ``lasting_s`` seconds at least.
    """

    def __init__(
        self, gateway_database: str, channels: Sequence[str], *, each: int, lasting_s: float = 0.0
    ) -> None:
        self.total = len(channels) * each
        self._pause_s = lasting_s * _AT_ONCE / each
        self._pause = threading.Event()
        self._gateway_database = gateway_database
        self._channels = channels
        self._each = each

    def post(self) -> None:
        """Post all. What fails while the database is away is done again."""
        for first in range(1, self._each + 1, _AT_ONCE):
            self._pause.wait(self._pause_s)
            last = min(first + _AT_ONCE - 1, self._each)
            new = [
                raw_message(number, text_of(number), channel=channel, ago_s=7200 - number)
                for number in range(first, last + 1)
                for channel in self._channels
            ]
            _insist(partial(put, self._gateway_database, new))
            values = {"every": EDITED_EVERY, "first": first - _AT_ONCE, "last": last - _AT_ONCE}
            for statement in (_EDIT, _DOUBLE):
                _insist(partial(self._run, statement, values))
        values = {"every": EDITED_EVERY, "first": self._each - _AT_ONCE, "last": self._each}
        _insist(lambda: self._run(_EDIT, values))

    def start(self) -> threading.Thread:
        """Post in a thread."""
        thread = threading.Thread(target=self.post, name="posting", daemon=True)
        thread.start()
        return thread

    def _run(self, statement: str, values: dict[str, int]) -> None:
        with psycopg.connect(self._gateway_database) as connection:
            connection.execute(statement, values)


def text_of(number: int) -> str:
    """Return the first edition of message ``number``. Each signal has a price of its own."""
    return _TEXTS[number % len(_TEXTS)].replace("{price}", f"10,{number % 90 + 10}")


def _insist(work: Callable[[], object]) -> None:
    while True:
        try:
            work()
        except (psycopg.Error, StorageError):
            time.sleep(_RETRY_S)
        else:
            return
