"""Messages at the gateway: many at once by SQL, and a look at how many wait."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from ops.local.process import wait_until
from ops.local.sample import load_sample

__all__ = ["put_messages", "sample_texts", "wait_read"]

#: one transaction, so that a reader sees all of them at once
_PUT = """
insert into telegram_gateway.messages (channel_id, message_id, text, received_at, telegram_date)
select %(channel)s, g::text, (%(texts)s::text[])[g %% %(kinds)s + 1], at, at
from (select g, now() - interval '1 second' * (%(count)s - g) as at
    from generate_series(%(first)s::int, %(count)s) as g) as made
"""
_WAITING = """
select exists (select from telegram_gateway.messages where channel_id = %s and status = 'received') as waiting
"""
_LOOK_EVERY_S = 0.02


def sample_texts() -> list[str]:
    """Return the texts of the sample history."""
    return [message["text"] for message in load_sample(datetime.now(UTC)) if message.get("text")]


def put_messages(url: str, *, channel: str, count: int, first: int = 1) -> None:
    """Put in messages ``first`` to ``count``: the sample's texts over and over, each under an id of its own."""
    texts = sample_texts()
    values = {"channel": channel, "texts": texts, "kinds": len(texts), "count": count, "first": first}
    with psycopg.connect(url) as connection:
        connection.execute(_PUT, values)


def wait_read(url: str, *, channel: str, deadline_s: float = 600.0) -> None:
    """Wait until every message of a channel is acknowledged.

    Raises:
        RuntimeError: that is not so in time.
    """
    with psycopg.connect(url, autocommit=True) as connection:

        def read() -> bool:
            return connection.execute(_WAITING, [channel]).fetchone() == (False,)

        if not wait_until(read, deadline_s=deadline_s, every_s=_LOOK_EVERY_S):
            raise RuntimeError(f"messages of {channel} still wait after {deadline_s:g} s")
