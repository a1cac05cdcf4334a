"""The storage clients that several actors share, built from the settings."""

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

#: older signals are not served (CONTRACT)
RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Thread-safe storage clients. ``pages`` is Redis if it is configured, else ``memory``.

    ``memory`` also keeps the last good pages and the compressed answers. One limit covers all of them.
    """

    database: Database
    ledger: Ledger
    redis: RedisPages | None
    pages: Pages
    memory: MemoryPages
    seal: Seal

    def learn_secret(self) -> None:
        """Read the secret that authenticates pages in Redis from the database, unless the settings give it.

        Raises:
            StorageError: the database cannot be read now.
        """
        if self.redis is not None and not self.seal.known:
            self.seal.learn(database_secret(self.database))

    def close(self) -> None:
        """Close all connections."""
        if self.redis is not None:
            self.redis.close()
        self.database.close()


def make_stores(settings: Settings, *, clock: Clock, timers: Timers) -> Stores:
    """Return the clients. They are not connected yet."""
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
    """Return the operator's rules for outcomes."""
    return OutcomePolicy(retention=RETENTION, text_filter=settings.engine.text_filter)


def settings_markets(settings: Settings) -> dict[str, Market]:
    """Return the markets that the settings give to channels."""
    return {channel: Market(word) for channel, word in settings.gateway.markets.items()}


def _namespace(settings: DatabaseSettings) -> str:
    """Return a prefix for the keys in Redis.

    Daemons of other databases or schemas may share the Redis, but not the commit numbers. Another version may build
    different pages from the same signals.
    """
    parts = conninfo_to_dict(settings.conninfo)
    place = [str(parts.get(name)) for name in ("host", "port", "dbname")]
    whose = "/".join([*place, settings.schema_name, VERSION])
    return hashlib.blake2b(whose.encode(), digest_size=6).hexdigest()


def migrate_as_owner(settings: DatabaseSettings, *, timers: Timers) -> tuple[str, ...]:
    """Bring the schema up to date as its owner, and grant the engine's role its rights.

    Raises:
        StorageError: the migration failed.
    """
    return migrate(
        settings.migration_conninfo,
        schema=settings.schema_name,
        strategy=Strategy(settings.strategy),
        timers=timers,
        engine_role=str(conninfo_to_dict(settings.conninfo).get("user") or ""),
        setting="TP_CAPITAL_MIGRATION_DATABASE_URL" if settings.migration_url else ADDRESS,
    )
