"""Why a connection failed, out of the words of driver, server and poolers as they were seen."""

import re

import pytest

from storage.postgres.connect_failures import explain, with_remedy

FAILED = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
#: texts as libpq 18, PostgreSQL 15 and 18, and PgBouncer 1.18 gave them, but for those marked otherwise
SEEN = [
    (FAILED + 'FATAL:  password authentication failed for user "x"', "28P01"),
    (FAILED + "FATAL:  SASL authentication failed", "28P01"),
    (FAILED + "fe_sendauth: no password supplied", "none is set"),
    (FAILED + 'FATAL:  database "nodb" does not exist', "no such database"),
    (FAILED + 'FATAL:  role "x" is not permitted to log in', "may not log in"),
    (FAILED + 'FATAL:  too many connections for role "x"', "53300"),
    (FAILED + "FATAL:  sorry, too many clients already", "53300"),
    (FAILED + "FATAL:  no more connections allowed (max_client_conn)", "53300"),
    (FAILED + "server does not support SSL, but SSL was required", "the server has none"),
    (FAILED + "SSL error: certificate verify failed", "not signed by an authority"),
    (
        FAILED + 'server certificate for "db.example" does not match host name "other.example"',
        "for another host name",
    ),
    (FAILED + 'root certificate file "/root/.postgresql/root.crt" does not exist', "cannot be read"),
    (FAILED + "Connection refused\n\tIs the server running on that host?", "nothing listens"),
    ("failed to resolve host 'db.invalid': [Errno -2] Name or service not known", "no such host"),
    ("connection timeout expired", "no answer"),
    (FAILED + "FATAL:  the database system is starting up", "starting or stopping"),
    ("query_wait_timeout", "the pooler cannot reach"),
    # PgBouncer 1.21 and later
    (
        FAILED + 'FATAL:  server login failed: FATAL password authentication failed for user "x"',
        "the pooler cannot",
    ),
    (
        FAILED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "x", database "d", no encryption',
        "only connections with TLS",
    ),
    (
        FAILED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "x", database "d", SSL encryption',
        "is not let in",
    ),
    (FAILED + "FATAL:  SSL required", "only connections with TLS"),
    (FAILED + "FATAL:  unsupported startup parameter: options", "no session settings"),
]


@pytest.mark.parametrize(("text", "cause"), SEEN, ids=[cause for _, cause in SEEN])
def test_a_cause_is_known_by_its_words(text: str, cause: str) -> None:
    failure = explain(text)
    assert failure is not None
    assert cause in failure.cause


@pytest.mark.parametrize("text", [text for text, _ in SEEN], ids=[cause for _, cause in SEEN])
def test_the_remedy_names_where_the_address_was_given(text: str) -> None:
    own, other = explain(text), explain(text, setting="--from")
    assert own is not None
    assert other is not None
    assert "{" not in own.remedy
    assert not re.search("TP_CAPITAL_(DATABASE_URL|DB_)", other.remedy)
    assert ("--from" in other.remedy) == bool(re.search("TP_CAPITAL_(DATABASE_URL|DB_)", own.remedy))


def test_unknown_words_stay_as_they_are_and_lines_stay_apart() -> None:
    text = 'FATAL:  Passwort-Authentifizierung für Benutzer "x" fehlgeschlagen\n\tDETAIL'
    assert explain(text) is None
    assert with_remedy(text) == 'FATAL: Passwort-Authentifizierung für Benutzer "x" fehlgeschlagen; DETAIL'


def test_a_long_text_is_cut_and_keeps_its_remedy() -> None:
    told = with_remedy("Connection refused " + "x" * 5000)
    assert len(told) < 600
    assert "TP_CAPITAL_DB_PORT" in told
