"""The storage clients that several parts share, built from the settings: for the daemon and for the commands."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from actors.grammar import GRAMMAR_VERSION
from actors.grammar.outcome import OutcomePolicy
from actors.grammar.rereading import GrammarReader
from actors.shown.event_log import EventLog
from config import DatabaseSettings, Settings
from engine.clock import Clock
from engine.model import Market
from engine.timers import Timers
from ops.version import VERSION
from storage.broker.values import EVENTS
from storage.errors import DatabaseMisconfiguredError
from storage.gateway.client import GatewayClient
from storage.gateway.quota import Quota
from storage.pages import MemoryPages, Pages
from storage.postgres.bar_retention import BarRetention
from storage.postgres.bars import Bars
from storage.postgres.cache_secret import database_secret
from storage.postgres.channels import Channels
from storage.postgres.connect_failures import ADDRESS, name_settings
from storage.postgres.database import Database
from storage.postgres.dead_letters import DeadLetters
from storage.postgres.enrichment import EnrichedSignals
from storage.postgres.known import KnownMessages
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, is_current, migrate
from storage.postgres.signals import Signals
from storage.quotes.service import QuoteService
from storage.seal import Seal

if TYPE_CHECKING:
    from storage.bell_line import BellLine
    from storage.broker.publisher import ConfirmedPublisher
    from storage.broker.reader import Listener, QueueReader
    from storage.redis import RedisPages

__all__ = ["RETENTION", "Stores", "migrate_as_owner", "outcome_policy", "settings_markets"]

#: an answer of a quote service may take so long
_QUOTES_S = 20.0
#: older signals are not served (CONTRACT)
RETENTION = timedelta(days=90)


class Stores:
    """Everything that several parts read and write, built from the settings. Thread-safe; nothing is connected yet.

    ``pages`` is Redis if it is configured, else ``memory``. ``memory`` also keeps the last good pages and the
    compressed answers. One limit covers all of them. ``event_log`` holds the newest signals for open streams.
    """

    def __init__(self, settings: Settings, *, clock: Clock, timers: Timers) -> None:
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._quota = Quota()
        name_settings(settings.database.places)
        self.database = Database(
            settings.database.conninfo,
            schema=settings.database.schema_name,
            pool_max=settings.database.pool_max,
            timers=timers,
            clock=clock,
        )
        self.ledger = Ledger(
            self.database,
            grammar_version=GRAMMAR_VERSION,
            reader=GrammarReader(policy=outcome_policy(settings), now=self.database.clock.now),
            markets=settings_markets(settings),
        )
        self.channels = Channels(self.database, settings=settings.gateway.channels, retention=RETENTION)
        self.signals = Signals(self.database, retention=RETENTION)
        self.enriched = EnrichedSignals(self.database, self.ledger)
        self.letters = DeadLetters(self.database)
        self.known = KnownMessages(self.database)
        self.memory = MemoryPages(clock)
        self.event_log = EventLog()
        cache_key = settings.redis.cache_key
        self._seal = Seal(cache_key.get_secret_value() if cache_key else None)
        self.redis = self._redis(clock) if settings.redis.enabled else None
        self.pages: Pages = self.redis or self.memory
        #: whether there is something to tell other processes of commits by
        self.rings = settings.redis.enabled or settings.broker.source != "poll"

    def _redis(self, clock: Clock) -> RedisPages:
        from storage.redis import RedisPages  # noqa: PLC0415 - 0.3 s and 10 MB, for those who use Redis

        replica = self._settings.redis.replica
        return RedisPages(
            master=self._settings.redis.master.arguments(),
            replica=replica.arguments() if replica else None,
            namespace=_namespace(self._settings.database),
            clock=clock,
            seal=self._seal,
        )

    def gateway(self) -> GatewayClient:
        """Return a new client of the gateway. All clients share one quota."""
        settings = self._settings.gateway
        key = settings.api_key.get_secret_value() if settings.api_key else None
        return GatewayClient(
            settings.url,
            api_key=key,
            login=settings.address.login,
            timeout_s=self._settings.breaker.timeout_ms / 1000,
            timers=self._timers,
            now=self.database.clock.now,
            quota=self._quota,
        )

    def bar_retention(self) -> BarRetention:
        """Return what deletes bars when their time has passed."""
        prices = self._settings.prices
        return BarRetention(
            Bars(self.database),
            days=timedelta(days=prices.day_bars_days),
            minutes=timedelta(days=prices.minute_bars_days),
            now=self.database.now,
        )

    def quote_service(self) -> QuoteService:
        """Return a new client of the quote service."""
        settings = self._settings.prices
        assert settings.quotes is not None  # noqa: S101 - who asks has looked whether there is one
        return QuoteService(
            settings.quotes.url,
            token=settings.quotes_token.get_secret_value() if settings.quotes_token else None,
            login=settings.quotes.login,
            timeout_s=_QUOTES_S,
            timers=self._timers,
        )

    def queue_reader(self, listener: Listener, *, prefetch: int) -> QueueReader:
        """Return a new reader of the broker's queue, which is not connected yet."""
        from storage.broker.reader import QueueReader  # noqa: PLC0415 - pika is loaded only where it is used

        settings = self._settings.broker
        assert settings.url is not None  # noqa: S101 - the settings demand it where messages are consumed
        url = settings.url.get_secret_value()
        return QueueReader(url, queue=settings.queue, prefetch=prefetch, listener=listener)

    def bell_line(self) -> BellLine:
        """Return a new line that tells other processes of commits: the broker's, else that of Redis."""
        broker, database = self._settings.broker, self._settings.database
        if broker.source != "poll":
            from storage.broker.bell import BrokerBell  # noqa: PLC0415 - pika is loaded only where it is used

            assert broker.url is not None  # noqa: S101 - the settings demand it where messages are consumed
            return BrokerBell(broker.url.get_secret_value(), exchange=f"{broker.queue}.commits")
        from storage.redis_bell import RedisBell  # noqa: PLC0415 - as for the pages

        # Processes may reach the database by different addresses. One more database of this name only causes more looks.
        name = f"tpcapital:commits:{conninfo_to_dict(database.conninfo).get('dbname')}/{database.schema_name}"
        return RedisBell(self._settings.redis.master.arguments(), name=name, clock=self._clock)

    def event_publisher(self, stop: threading.Event, *, longest_s: float) -> ConfirmedPublisher:
        """Return a new publisher of events, which is not connected yet."""
        from storage.broker.publisher import ConfirmedPublisher  # noqa: PLC0415 - as above

        url = self._settings.broker.url
        assert url is not None  # noqa: S101 - the settings demand it where events are published
        return ConfirmedPublisher(url.get_secret_value(), exchange=EVENTS, stop=stop, longest_s=longest_s)

    def learn_secret(self) -> None:
        """Read the secret that authenticates pages in Redis from the database, unless the settings give it.

        Raises:
            StorageError: the database cannot be read now.
        """
        if self.redis is not None and not self._seal.known:
            self._seal.learn(database_secret(self.database))

    def prepare_schema(self) -> None:
        """Migrate if our role may. Otherwise raise, so that the writer waits for the schema and reports it.

        Raises:
            StorageError: the schema is not up to date, or the database cannot be asked.
        """
        settings = self._settings.database
        try:
            if is_current(self.database, strategy=Strategy(settings.strategy)):
                return
            missing = "the schema is not up to date"
        except DatabaseMisconfiguredError as error:
            # the owner's connection, if there is one, creates the schema and grants us our rights
            if settings.migration_url is None:
                raise
            missing = f"the schema cannot be checked ({error})"
        try:
            migrate_as_owner(settings, timers=self._timers)
        except DatabaseMisconfiguredError as error:
            raise DatabaseMisconfiguredError(f"{missing}; run `tp-capital migrate`: {error}") from error

    def close(self) -> None:
        """Close all connections. Who took a client of the gateway closes it. Idempotent."""
        if self.redis is not None:
            self.redis.close()
        self.database.close()


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
