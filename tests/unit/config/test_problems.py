"""Wrong settings: every problem at once, each by its variable, and no secret said."""

import re
from typing import Any

import pytest
from psycopg import pq

from config import ConfigurationError, load_settings
from config.conninfo import conninfo_problem


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return caught.value.problems


# ── problems ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "not a host"),
        ("HOST", "http://127.0.0.1"),
        ("HOST", "127.0.0.1:4008"),
        ("HOST", "[::1]"),
        ("HOST", "a..b"),
        ("TP_CAPITAL_ALLOWED_HOSTS", "a.example,http://x/"),
        ("TP_CAPITAL_ALLOWED_HOSTS", "a.example/path"),
        ("TP_CAPITAL_ALLOWED_HOSTS", "*"),
        ("CORS_ORIGIN", "bar"),
        ("CORS_ORIGIN", "https://a.example,https://b.example/"),
        ("CORS_ORIGIN", "https://A.example"),
        ("CORS_ORIGIN", "https://a.example:port"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("PORT", "9" * 5000),
        ("TELEGRAM_GATEWAY_URL", "127.0.0.1:4010"),
        ("TELEGRAM_GATEWAY_URL", "ftp://127.0.0.1"),
        ("TELEGRAM_GATEWAY_URL", "http://"),
        ("TELEGRAM_GATEWAY_URL", "http://h:99999"),
        ("TELEGRAM_GATEWAY_URL", "http://[::1"),
        ("TELEGRAM_GATEWAY_API_KEY", "with blank"),
        ("TELEGRAM_GATEWAY_API_KEY", "line\n"),
        ("TELEGRAM_GATEWAY_API_KEY", "clé"),
        ("TP_CAPITAL_API_KEY", "key€"),
        ("TP_CAPITAL_SIGNALS_CHANNEL_ID", "@name"),
        ("TP_CAPITAL_SIGNALS_CHANNEL_ID", "1,1"),
        ("SIGNALS_CHANNEL_ID", ","),
        ("GATEWAY_POLLING_INTERVAL_MS", "49"),
        ("GATEWAY_BATCH_SIZE", "10001"),
        ("CIRCUIT_BREAKER_ERROR_THRESHOLD", "0"),
        ("CIRCUIT_BREAKER_ERROR_THRESHOLD", "nan"),
        ("CIRCUIT_BREAKER_TIMEOUT", "5s"),
        ("TP_CAPITAL_DB_STRATEGY", "mysql"),
        ("TP_CAPITAL_DB_SCHEMA", 'a"; drop schema'),
        ("TP_CAPITAL_DB_PORT", "x"),
        ("TIMESCALEDB_PORT", "x"),
        ("TP_CAPITAL_DATABASE_URL", "localhost:5432 secret"),
        ("TP_CAPITAL_MIGRATION_DATABASE_URL", "not a url"),
        ("TP_CAPITAL_SCRATCH_DATABASE_URL", "not a url"),
        ("TP_CAPITAL_DATABASE_URL", "postgresql://u:p@h:notaport/x"),
        ("TP_CAPITAL_MIGRATION_DATABASE_URL", "postgresql://u:p@h:99999/x"),
        ("TP_CAPITAL_SCRATCH_DATABASE_URL", "postgresql://u:p@h/x?sslmode=bogus"),
        ("TP_CAPITAL_POOL_MAX", "3"),
        ("REDIS_ENABLED", "perhaps"),
        ("REDIS_CACHE_TTL", "0"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis://:word@host:notaport"),
        ("REDIS_URL", "redis://:w@rd@host"),
        ("REDIS_URL", "redis://:word@host/name"),
        ("REDIS_MASTER_URL", "redis://host/0?ssl_cert_reqs=none"),
        ("REDIS_REPLICA_URL", "redis://"),
        ("REDIS_TLS", "perhaps"),
        ("REDIS_TLS_CA", "/no/such/file.pem"),
        ("TP_CAPITAL_CACHE_KEY", "short"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_one_problem_that_names_its_variable(
    environment: Any, name: str, value: str
) -> None:
    environment(**{name: value})
    (problem,) = problems()
    names, _, words = problem.partition(": ")
    assert name in names.split(" or ")
    assert not re.match("Value error|Input|String|Tuple|Unable", words), "in the words of a library"


def test_every_problem_of_every_group_is_told_at_once(environment: Any) -> None:
    wrong = {
        "TP_CAPITAL_DB_PORT": "x",
        "TP_CAPITAL_POOL_MAX": "1",
        "TELEGRAM_GATEWAY_URL": "x",
        "GATEWAY_BATCH_SIZE": "0",
        "CIRCUIT_BREAKER_WINDOW": "0",
        "REDIS_MASTER_PORT": "x",
        "PORT": "x",
        "LOG_LEVEL": "x",
        "TP_CAPITAL_BACKFILL_DELAY_S": "-1",
    }
    environment(**wrong, HOST="0.0.0.0")
    told = problems()
    assert {re.split(": | or ", line)[0] for line in told} >= set(wrong)
    assert any("TP_CAPITAL_API_KEY" in line for line in told), "a rule over several settings speaks up too"
    assert len(told) == len(wrong) + 1


def test_fault_51_a_wrong_address_of_a_redis_is_told_without_its_password(environment: Any) -> None:
    environment(REDIS_URL="redis://:top/secret@host:6379")
    (problem,) = problems()
    assert "REDIS_URL" in problem
    assert "%2F" in problem
    assert "secret" not in problem


def test_fault_51_a_user_of_redis_without_a_password_is_told(environment: Any) -> None:
    environment(REDIS_USERNAME="app")
    (problem,) = problems()
    assert "REDIS_PASSWORD" in problem


def test_a_minimum_above_the_window_is_told(environment: Any) -> None:
    environment(CIRCUIT_BREAKER_WINDOW="3")
    assert "CIRCUIT_BREAKER_MINIMUM" in problems()[0]


def test_who_listens_to_the_world_needs_a_key_or_the_word_for_it(environment: Any) -> None:
    environment(HOST="0.0.0.0")
    (problem,) = problems()
    assert "TP_CAPITAL_API_KEY" in problem
    assert "TP_CAPITAL_ALLOW_OPEN" in problem
    environment(TP_CAPITAL_ALLOW_OPEN="1")
    assert load_settings().http.allow_open
    environment(TP_CAPITAL_ALLOW_OPEN="0", TP_CAPITAL_API_KEY="key-1234-of-16-characters")
    assert load_settings().http.host == "0.0.0.0"


def test_protected_reads_need_a_key(environment: Any) -> None:
    environment(TP_CAPITAL_READ_KEY_REQUIRED="1")
    assert "TP_CAPITAL_API_KEY" in problems()[0]


# ── addresses of databases ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://u:p@h:notaport/x",
        "postgresql://u:p@h:99999/x",
        "postgresql://u:p@h:0/x",
        "postgresql://u:p@h:1_0/x",
        "postgresql://u:p@h:x,127.0.0.1:1/x",
        "host=h port=1,2",
        "host=a,b hostaddr=127.0.0.1 port=1,2",
        "postgresql://u:p@h/x?sslmode=bogus",
        "postgresql://u:p@h/x?sslmode=",
        "postgresql://u:p@h/x?sslnegotiation=x",
        "postgresql://u:p@h/x?channel_binding=x",
        "postgresql://u:p@h/x?gssencmode=x",
        "postgresql://u:p@h/x?target_session_attrs=x",
        "postgresql://u:p@h/x?load_balance_hosts=x",
        "postgresql://u:p@127.0.0.1:1/x?keepalives_idle=x",
        "postgresql://u:p@h:1/x?colour=red",
    ],
)
def test_what_libpq_refuses_before_it_sends_anything_is_no_address(conninfo: str) -> None:
    attempt = pq.PGconn.connect_start(conninfo.encode())
    assert attempt.status == pq.ConnStatus.BAD
    attempt.finish()
    assert conninfo_problem(conninfo) is not None


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://u:p@127.0.0.1:1/x?sslmode=require&target_session_attrs=read-write&keepalives_idle=5",
        "postgresql://u:p@127.0.0.1:/x",
        "host=127.0.0.1,127.0.0.1 port=1",
        "host=127.0.0.1,127.0.0.1 port=1,2",
        "host=a,b hostaddr=127.0.0.1,127.0.0.1 port=1,2",
        "host=127.0.0.1 port=' +1 '",
    ],
)
def test_what_libpq_begins_to_connect_with_is_an_address(conninfo: str) -> None:
    attempt = pq.PGconn.connect_start(conninfo.encode())
    assert attempt.status != pq.ConnStatus.BAD
    attempt.finish()
    assert conninfo_problem(conninfo) is None


# ── secrets ──────────────────────────────────────────────────────────────────

SECRETS = {
    "TP_CAPITAL_DB_PASSWORD": "s3cret-db",
    "TELEGRAM_GATEWAY_API_KEY": "s3cret-gateway",
    "TP_CAPITAL_API_KEY": "s3cret-engine",
    "TP_CAPITAL_MIGRATION_DATABASE_URL": "postgresql://owner:s3cret-owner@h/db",
    "TP_CAPITAL_SCRATCH_DATABASE_URL": "postgresql://postgres:s3cret-admin@h/db",
}


def test_no_secret_stands_in_a_repr_or_a_description(environment: Any) -> None:
    environment(**SECRETS)
    settings = load_settings()
    shown = f"{settings!r} {settings} {settings.describe()} {settings.database.model_dump()}"
    assert "s3cret" not in shown


def test_every_secret_is_listed_for_the_log_to_black_out(environment: Any) -> None:
    environment(**SECRETS)
    listed = load_settings().secrets()
    for secret in ("s3cret-db", "s3cret-gateway", "s3cret-engine", "s3cret-owner", "s3cret-admin"):
        assert secret in listed
    assert all(listed)


def test_a_password_inside_a_url_is_listed_as_it_is_written_and_as_it_is_meant(environment: Any) -> None:
    environment(TP_CAPITAL_DATABASE_URL="postgresql://u:p%40ss-word@h/db")
    listed = load_settings().secrets()
    assert "postgresql://u:p%40ss-word@h/db" in listed
    assert "p@ss-word" in listed


def test_a_password_that_is_taken_for_the_port_is_not_quoted(environment: Any) -> None:
    environment(TP_CAPITAL_DATABASE_URL="postgresql://u:p@h:s3cret/db")
    (problem,) = problems()
    assert problem.startswith("TP_CAPITAL_DATABASE_URL: its port must be a number")
    assert "s3cret" not in problem


def test_no_problem_quotes_a_secret(environment: Any) -> None:
    environment(
        TP_CAPITAL_DATABASE_URL="postgresql://u:s3cret@[h/db",
        TP_CAPITAL_MIGRATION_DATABASE_URL="s3cret and more",
        TELEGRAM_GATEWAY_API_KEY="s3cret key",
        TP_CAPITAL_API_KEY="s3cret\u20ac",
    )
    told = problems()
    assert len(told) == 4
    assert "s3cret" not in "".join(told)
    assert "s3cret" not in repr(ConfigurationError(told))


# ── addresses ────────────────────────────────────────────────────────────────

AT = "in a password, @ is written %40"


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("postgresql://u:hunt@er22@h/db", AT),
        ("postgresql://u:hunt/er22@h/db", "/ is %2F"),
        ("postgresql://u:12/hunter22@h/db", "/ is %2F"),
        ("host=hunt@er22 dbname=x", AT),
        ("postgresql://u:50%hunter22@h/db", "% is written %25"),
        ("postgresql://u:hunter22@h/db?pgbouncer=true", "pgbouncer"),
        ("postgresql://u:hunter22@h/db?sslmode=require&schema=public", "TP_CAPITAL_DB_SCHEMA"),
        ("postgresql://u:hunter22@h/db?hunter22=1", "unknown to PostgreSQL"),
    ],
)
def test_fault_53_and_68_the_part_of_an_address_at_fault_is_named_and_not_quoted(
    dsn: str, words: str
) -> None:
    problem = conninfo_problem(dsn)
    assert problem is not None
    assert words in problem
    assert "er22" not in problem


@pytest.mark.parametrize("dsn", ["host=@abstract dbname=x", "postgresql://u:p?%40%2525@h/d?sslmode=require"])
def test_what_looks_odd_and_is_right_is_taken(dsn: str) -> None:
    assert conninfo_problem(dsn) is None


def test_fault_53_an_address_in_the_place_of_a_host_is_refused_unquoted(environment: Any) -> None:
    for host in ("u:hunter22@h", "postgresql://u:hunter22@h/db"):
        environment(TP_CAPITAL_DB_HOST=host)
        (problem,) = problems()
        assert "TP_CAPITAL_DB_HOST" in problem
        assert "hunter22" not in problem


@pytest.mark.parametrize("name", ["TELEGRAM_GATEWAY_URL", "REDIS_URL", "TP_CAPITAL_DATABASE_URL"])
@pytest.mark.parametrize("place", ["u:p@er22@h", "u:p@er22@h@", "u:p/er22@h", "p@er22@h/0"])
def test_a_stray_at_in_the_password_of_an_address_is_refused_with_how_it_is_written(
    environment: Any, name: str, place: str
) -> None:
    scheme = {"TELEGRAM_GATEWAY_URL": "http", "REDIS_URL": "redis"}.get(name, "postgresql")
    environment(**{name: f"{scheme}://{place}"})
    (problem,) = problems()
    assert name in problem
    assert "%40" in problem
    assert "er22" not in problem


def test_fault_53_user_and_password_of_the_gateways_address_are_used_and_not_shown(environment: Any) -> None:
    environment(TELEGRAM_GATEWAY_URL="https://user:hun%40ter22@h/base/")
    settings = load_settings()
    assert settings.gateway.url == "https://h/base"
    assert settings.gateway.address.login == ("user", "hun@ter22")
    assert "ter22" not in f"{settings.gateway} {settings.describe()}"
    assert "hun@ter22" in settings.secrets()
