"""The storage that several actors share, made of its settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from psycopg.conninfo import conninfo_to_dict

from actors.grammar import GRAMMAR_VERSION
from actors.grammar.outcome import OutcomePolicy
from actors.grammar.rereading import GrammarReader
from config import DatabaseSettings, Settings
from engine.clock import Clock
from engine.model import Market
from engine.timers import Timers
from ops.version import VERSION
from storage.pages import MemoryPages, Pages
from storage.postgres.cache_secret import database_secret
from storage.postgres.connect_failures import ADDRESS, name_settings
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, migrate
from storage.redis import RedisPages
from storage.seal import Seal

__all__ = ["RETENTION", "Stores", "make_stores", "migrate_as_owner", "outcome_policy", "settings_markets"]

#: nothing older is served (CONTRACT)
RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Clients that are safe for threads. ``pages`` is Redis where it is configured, else ``memory``.

    ``memory`` keeps the day copies and compressed answers, too: one bound holds for all of it.
    """

    database: Database
    ledger: Ledger
    redis: RedisPages | None
    pages: Pages
    memory: MemoryPages
    seal: Seal

    def learn_secret(self) -> None:
        """Read what pages in Redis are sealed with, unless the settings say it.

        Raises:
            StorageError: the database cannot tell now.
        """
        if self.redis is not None and not self.seal.known:
            self.seal.learn(database_secret(self.database))

    def close(self) -> None:
        """Close all connections."""
        if self.redis is not None:
            self.redis.close()
        self.database.close()


def make_stores(settings: Settings, *, clock: Clock, timers: Timers) -> Stores:
    """Return the clients; nothing is connected yet."""
    name_settings(settings.database.places)
    database = Database(
        settings.database.conninfo,
        schema=settings.database.schema_name,
        pool_max=settings.database.pool_max,
        timers=timers,
        clock=clock,
    )
    redis, cache_key = None, settings.redis.cache_key
    seal = Seal(cache_key.get_secret_value() if cache_key else None)
    if settings.redis.enabled:
        replica = settings.redis.replica
        redis = RedisPages(
            master=settings.redis.master.arguments(),
            replica=replica.arguments() if replica else None,
            namespace=_namespace(settings.database),
            clock=clock,
            seal=seal,
        )
    memory = MemoryPages(clock)
    return Stores(
        database=database,
        ledger=Ledger(
            database,
            grammar_version=GRAMMAR_VERSION,
            reader=GrammarReader(policy=outcome_policy(settings), now=database.clock.now),
            markets=settings_markets(settings),
        ),
        redis=redis,
        pages=redis or memory,
        memory=memory,
        seal=seal,
    )


def outcome_policy(settings: Settings) -> OutcomePolicy:
    """Return what the operator decided about outcomes."""
    return OutcomePolicy(retention=RETENTION, text_filter=settings.engine.text_filter)


def settings_markets(settings: Settings) -> dict[str, Market]:
    """Return the markets of channels as the settings name them."""
    return {channel: Market(word) for channel, word in settings.gateway.markets.items()}


def _namespace(settings: DatabaseSettings) -> str:
    """Return a word for whose pages are kept: other daemons may share the Redis, not the numbers.

    Another version may build other pages of the same signals.
    """
    parts = conninfo_to_dict(settings.conninfo)
    place = [str(parts.get(name)) for name in ("host", "port", "dbname")]
    whose = "/".join([*place, settings.schema_name, VERSION])
    return hashlib.blake2b(whose.encode(), digest_size=6).hexdigest()


def migrate_as_owner(settings: DatabaseSettings, *, timers: Timers) -> tuple[str, ...]:
    """Bring the schema up to date with the owner's connection and give the engine's role its rights.

    Raises:
        StorageError: why it could not be.
    """
    return migrate(
        settings.migration_conninfo,
        schema=settings.schema_name,
        strategy=Strategy(settings.strategy),
        timers=timers,
        engine_role=str(conninfo_to_dict(settings.conninfo).get("user") or ""),
        setting="TP_CAPITAL_MIGRATION_DATABASE_URL" if settings.migration_url else ADDRESS,
    )
