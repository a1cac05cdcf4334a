"""Settings: the contract's names and defaults, all problems at once, no secret said."""

import operator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from config import ConfigurationError, Settings, load_settings

DATABASE_FIELDS = {
    "HOST": "db.example",
    "PORT": "7000",
    "NAME": "other",
    "USER": "someone",
    "PASSWORD": "pw-1234",
}


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return caught.value.problems


def conninfo(settings: Settings) -> dict[str, Any]:
    return dict(conninfo_to_dict(settings.database.conninfo))


# ── defaults ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("database", "strategy", "timescale"),
        ("database", "schema_name", "signals"),
        ("database", "pool_max", 25),
        ("gateway", "url", "http://127.0.0.1:4010"),
        ("gateway", "api_key", None),
        ("gateway", "channels", ("-1001649127710",)),
        ("gateway", "polling_interval_ms", 5000),
        ("gateway", "batch_size", 100),
        ("gateway", "tail_check_ms", 300_000),
        ("gateway", "sync_timeout_ms", 180_000),
        ("breaker", "timeout_ms", 5000),
        ("breaker", "error_threshold", 50),
        ("breaker", "reset_timeout_ms", 30_000),
        ("breaker", "window", 20),
        ("breaker", "minimum", 5),
        ("redis", "enabled", False),
        ("redis", "master_port", 6381),
        ("redis", "replica_port", 6382),
        ("redis", "ttl_s", 30),
        ("http", "host", "127.0.0.1"),
        ("http", "port", 4008),
        ("http", "api_key", None),
        ("http", "allow_open", False),
        ("http", "read_key_required", False),
        ("log", "level", "INFO"),
        ("log", "format", None),
    ],
)
def test_an_empty_environment_gives_the_contracts_defaults(group: str, name: str, value: object) -> None:
    assert getattr(getattr(load_settings(), group), name) == value


def test_the_database_is_by_default_behind_the_pooler_of_the_stack() -> None:
    assert conninfo(load_settings()) == {
        "host": "127.0.0.1",
        "port": "6435",
        "dbname": "tp_capital_db",
        "user": "tp_capital",
    }


def test_what_other_programs_set_for_themselves_is_none_of_ours(environment: Any) -> None:
    environment(USER="root", NAME="x", PASSWORD="x", URL="://", STRATEGY="neon", LEVEL="?", ENABLED="yes")
    environment(HOST="127.0.0.1", PORT="4999", WINDOW="x", CHANNELS="x", FORMAT="x", API_KEY="x")
    settings = load_settings()
    assert conninfo(settings)["user"] == "tp_capital"
    assert conninfo(settings)["port"] == "6435"
    assert settings.http.port == 4999
    assert settings.http.api_key is None
    assert not settings.redis.enabled


# ── names and their precedence ───────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text", "place", "value"),
    [
        ("TELEGRAM_GATEWAY_URL", "https://gw.example:1/base/", "gateway.url", "https://gw.example:1/base"),
        ("TP_CAPITAL_SIGNALS_CHANNEL_ID", " -1, 2 ,", "gateway.channels", ("-1", "2")),
        ("SIGNALS_CHANNEL_ID", "-5", "gateway.channels", ("-5",)),
        ("GATEWAY_POLLING_INTERVAL_MS", "100", "gateway.polling_interval_ms", 100),
        ("GATEWAY_BATCH_SIZE", "1000", "gateway.batch_size", 1000),
        ("GATEWAY_TAIL_CHECK_MS", "60000", "gateway.tail_check_ms", 60_000),
        ("GATEWAY_SYNC_TIMEOUT_MS", "1000", "gateway.sync_timeout_ms", 1000),
        ("CIRCUIT_BREAKER_TIMEOUT", "700", "breaker.timeout_ms", 700),
        ("CIRCUIT_BREAKER_ERROR_THRESHOLD", "33.5", "breaker.error_threshold", 33.5),
        ("CIRCUIT_BREAKER_RESET_TIMEOUT", "100", "breaker.reset_timeout_ms", 100),
        ("CIRCUIT_BREAKER_WINDOW", "7", "breaker.window", 7),
        ("CIRCUIT_BREAKER_MINIMUM", "3", "breaker.minimum", 3),
        ("TP_CAPITAL_POOL_MAX", "4", "database.pool_max", 4),
        ("REDIS_ENABLED", "true", "redis.enabled", True),
        ("REDIS_MASTER_HOST", "r1", "redis.master_host", "r1"),
        ("REDIS_MASTER_PORT", "1", "redis.master_port", 1),
        ("REDIS_REPLICA_HOST", "r2", "redis.replica_host", "r2"),
        ("REDIS_REPLICA_PORT", "2", "redis.replica_port", 2),
        ("REDIS_CACHE_TTL", "5", "redis.ttl_s", 5),
        ("PORT", "65535", "http.port", 65_535),
        ("HOST", "::1", "http.host", "::1"),
        (
            "TP_CAPITAL_ALLOWED_HOSTS",
            "a.example,b.example:80,::2,[::2]:80",
            "http.allowed_hosts",
            ("a.example", "b.example:80", "::2", "[::2]:80"),
        ),
        ("CORS_ORIGIN", "http://a.example", "http.origins", ("http://a.example",)),
        ("CORS_ORIGIN", "https://[::2]:3000,*", "http.origins", ("https://[::2]:3000", "*")),
        ("LOG_LEVEL", "debug", "log.level", "DEBUG"),
        ("LOG_FORMAT", "console", "log.format", "console"),
    ],
)
def test_each_variable_sets_its_setting(
    environment: Any, name: str, text: str, place: str, value: object
) -> None:
    environment(**{name: text})
    assert operator.attrgetter(place)(load_settings()) == value


def test_the_first_channel_name_wins(environment: Any) -> None:
    environment(SIGNALS_CHANNEL_ID="2", TP_CAPITAL_SIGNALS_CHANNEL_ID="1")
    assert load_settings().gateway.channels == ("1",)


@pytest.mark.parametrize(
    ("strategy", "prefix"),
    [
        ("timescale", "TP_CAPITAL_DB"),
        ("timescale", "TIMESCALEDB"),
        ("neon", "TP_CAPITAL_DB"),
        ("neon", "NEON"),
    ],
)
def test_the_database_is_found_under_the_names_of_its_strategy(
    environment: Any, strategy: str, prefix: str
) -> None:
    environment(TP_CAPITAL_DB_STRATEGY=strategy, **{f"{prefix}_{k}": v for k, v in DATABASE_FIELDS.items()})
    found = conninfo(load_settings())
    assert found.pop("sslmode", None) == ("require" if strategy == "neon" else None)
    assert found == {
        "host": "db.example",
        "port": "7000",
        "dbname": "other",
        "user": "someone",
        "password": "pw-1234",
    }


def test_our_own_database_names_beat_the_older_ones(environment: Any) -> None:
    environment(TIMESCALEDB_HOST="old.example", TP_CAPITAL_DB_HOST="new.example", TIMESCALEDB_PORT="7001")
    assert conninfo(load_settings())["host"] == "new.example"
    assert conninfo(load_settings())["port"] == "7001"


@pytest.mark.parametrize(("strategy", "prefix"), [("timescale", "NEON"), ("neon", "TIMESCALEDB")])
def test_the_names_of_the_other_strategy_are_not_read(environment: Any, strategy: str, prefix: str) -> None:
    environment(TP_CAPITAL_DB_STRATEGY=strategy, **{f"{prefix}_{k}": v for k, v in DATABASE_FIELDS.items()})
    assert conninfo(load_settings())["host"] == "127.0.0.1"


def test_a_whole_url_beats_its_parts(environment: Any) -> None:
    environment(
        TP_CAPITAL_DB_HOST="part.example", TP_CAPITAL_DATABASE_URL="postgresql://u:p@whole.example/db"
    )
    assert conninfo(load_settings()) == {
        "user": "u",
        "password": "p",
        "dbname": "db",
        "host": "whole.example",
    }


def test_migrations_use_the_owners_role_when_one_is_given(environment: Any) -> None:
    environment(TP_CAPITAL_DATABASE_URL="postgresql://u@h/db")
    assert load_settings().database.migration_conninfo == "postgresql://u@h/db"
    environment(TP_CAPITAL_MIGRATION_DATABASE_URL="postgresql://owner@h/db")
    assert load_settings().database.migration_conninfo == "postgresql://owner@h/db"


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://u@remote.example/db", "require"),
        ("postgresql://u@remote.example/db?sslmode=prefer", "require"),
        ("postgresql://u@remote.example/db?sslmode=disable", "require"),
        ("postgresql://u@remote.example/db?sslmode=verify-full", "verify-full"),
        ("postgresql://u@remote.example/db?sslrootcert=system", "verify-full"),
        ("postgresql:///db?hostaddr=192.0.2.1", "require"),
        ("postgresql://u@localhost/db?hostaddr=192.0.2.1", "require"),
        ("postgresql://u@remote.example/db?hostaddr=127.0.0.1", "require"),
        ("postgresql:///db?hostaddr=127.0.0.1", None),
        ("postgresql://u@127.0.0.1/db", None),
        ("postgresql://u@localhost/db", None),
        ("postgresql:///db?host=/run/postgresql", None),
        ("postgresql:///db?host=/run/postgresql,remote.example", "require"),
        ("postgresql:///db", None),
    ],
)
def test_neon_asks_for_tls_unless_it_stays_on_this_machine(
    environment: Any, url: str, sslmode: str | None
) -> None:
    environment(TP_CAPITAL_DB_STRATEGY="neon", TP_CAPITAL_DATABASE_URL=url)
    assert conninfo(load_settings()).get("sslmode") == sslmode


@pytest.mark.parametrize(
    ("url", "variables", "sslmode"),
    [
        ("postgresql:///db", {"PGHOST": "remote.example"}, "require"),
        ("postgresql:///db", {"PGHOST": "/run/postgresql"}, None),
        ("postgresql:///db", {"PGHOSTADDR": "192.0.2.1"}, "require"),
        ("postgresql://localhost/db", {"PGHOSTADDR": "192.0.2.1"}, "require"),
        ("postgresql://localhost/db", {"PGHOST": "remote.example"}, None),
        ("postgresql:///db?service=remote", {}, "require"),
        ("postgresql:///db?service=trusted", {}, "verify-full"),
        ("postgresql:///db?service=here", {}, None),
        ("postgresql:///db?service=unknown", {}, "require"),
        ("postgresql:///db", {"PGSERVICE": "remote"}, "require"),
        ("postgresql://localhost/db", {"PGSERVICE": "remote"}, None),
        ("postgresql:///db", {"PGHOST": "remote.example", "PGSSLMODE": "disable"}, "require"),
        ("postgresql://u@remote.example/db", {"PGSSLMODE": "verify-full"}, "verify-full"),
    ],
)
def test_neon_asks_for_tls_also_where_the_host_stands_outside_of_the_url(
    environment: Any, tmp_path: Path, url: str, variables: dict[str, str], sslmode: str | None
) -> None:
    services = tmp_path / "services.conf"
    services.write_text(
        "[remote]\nhost=remote.example\nsslmode=disable\n"
        "[trusted]\nhost=remote.example\nsslmode=verify-full\n"
        "[here]\nhost=127.0.0.1\n"
    )
    environment(TP_CAPITAL_DB_STRATEGY="neon", TP_CAPITAL_DATABASE_URL=url, PGSERVICEFILE=str(services))
    environment(**variables)
    assert conninfo(load_settings()).get("sslmode") == sslmode


def test_neon_asks_for_tls_on_the_server_for_scratch_too(environment: Any) -> None:
    assert load_settings().database.scratch_conninfo is None
    environment(TP_CAPITAL_SCRATCH_DATABASE_URL="postgresql://u@remote.example/db")
    assert load_settings().database.scratch_conninfo == "postgresql://u@remote.example/db"
    environment(TP_CAPITAL_DB_STRATEGY="neon")
    assert conninfo_to_dict(load_settings().database.scratch_conninfo or "")["sslmode"] == "require"


# ── where values come from ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["PORT", "TP_CAPITAL_API_KEY", "TP_CAPITAL_SIGNALS_CHANNEL_ID", "REDIS_ENABLED"]
)
def test_an_empty_variable_is_an_unset_one(environment: Any, name: str) -> None:
    environment(**{name: ""})
    assert load_settings() == load_settings(None)
    assert load_settings().http.port == 4008


def test_dot_env_is_read_and_the_environment_beats_it(environment: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('PORT=5001\nLOG_LEVEL="ERROR"\nUNKNOWN=1\n# LOG_FORMAT=console\n')
    environment(PORT="5002")
    settings = load_settings()
    assert (settings.http.port, settings.log.level, settings.log.format) == (5002, "ERROR", None)
    assert load_settings(None).log.level == "INFO"


@pytest.mark.parametrize("content", [b"PORT=5001\nX=\xff\xfe\n", b"\xff"])
def test_a_dot_env_that_is_no_text_is_a_problem_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    assert problems() == (".env: cannot be read: not UTF-8",)


# ── the cache's servers ──────────────────────────────────────────────────────


def test_fault_51_user_password_and_tls_hold_for_both_servers(environment: Any) -> None:
    environment(REDIS_USERNAME="app", REDIS_PASSWORD="p@ss", REDIS_TLS="1", REDIS_REPLICA_HOST="r2")
    redis = load_settings().redis
    assert redis.replica is not None
    for place in (redis.master, redis.replica):
        given = place.arguments()
        assert (given["username"], given["password"]) == ("app", "p@ss")
        assert (given["ssl"], given["ssl_cert_reqs"], given["ssl_check_hostname"]) == (True, "required", True)
    assert not redis.enabled


def test_fault_51_a_whole_address_says_it_all_and_switches_redis_on(environment: Any) -> None:
    environment(REDIS_URL="rediss://app:p%40ss@cache.example:6390/2", REDIS_MASTER_HOST="other")
    settings = load_settings()
    assert settings.redis.enabled
    given = settings.redis.master.arguments()
    wanted = {
        "host": "cache.example",
        "port": 6390,
        "db": 2,
        "username": "app",
        "password": "p@ss",
        "ssl": True,
    }
    assert {name: given[name] for name in wanted} == wanted
    assert settings.redis.replica is None
    assert "p@ss" in settings.secrets()
    assert "p@ss" not in repr(settings)
    environment(REDIS_ENABLED="0")
    assert not load_settings().redis.enabled
