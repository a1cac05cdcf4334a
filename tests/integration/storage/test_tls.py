"""Strategy neon over TLS: asked for, never gone without, and a certificate that is not trusted is a clear error."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

import pytest

from config import load_settings
from ops.local._account import open_for_passing, server_account
from ops.local.postgres import LocalPostgres
from storage.errors import DatabaseUnavailableError
from storage.postgres.database import Cursor
from tests.support.clients import OpenDatabase, databases
from tests.support.servers import need_program, server_folder

PASSWORD = "tls-word"
NAME = "db.example"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with server_folder() as path:
        open_for_passing(path)
        yield path


@pytest.fixture(scope="module")
def authorities(folder: Path) -> tuple[Path, Path]:
    """Make the server's own certificate, and one of somebody else; each is its own authority."""
    made = []
    for who in ("server", "stranger"):
        certificate, key = folder / f"{who}.crt", folder / f"{who}.key"
        subprocess.run(
            [
                *(need_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        key.chmod(0o600)
        if account := server_account():
            for path in (certificate, key):
                os.chown(path, account.uid, account.gid)
        made.append(certificate)
    return made[0], made[1]


@pytest.fixture(scope="module")
def server(folder: Path, authorities: tuple[Path, Path]) -> Iterator[LocalPostgres]:
    """Run Debian's PostgreSQL with TLS: the one of the wheel is built without."""
    settings = {
        "fsync": "off",
        "ssl": "on",
        "ssl_cert_file": str(authorities[0]),
        "ssl_key_file": str(folder / "server.key"),
    }
    with LocalPostgres(folder / "data", settings=settings, system=True) as running:
        running.create_role("app", PASSWORD)
        yield running


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    with databases() as open_one:
        yield open_one


def url(server: LocalPostgres, **options: str) -> str:
    """Return the address by the name in the certificate, which leads to this machine."""
    own = server.dsn("postgres", "app", PASSWORD).replace(
        f"@127.0.0.1:{server.port}", f"@{NAME}:{server.port}"
    )
    return f"{own}?{urlencode({'hostaddr': '127.0.0.1', **options})}"


def conninfo(address: str) -> str:
    """Return what the engine connects with when it is given this address and strategy neon."""
    variables = {"TP_CAPITAL_DB_STRATEGY": "neon", "TP_CAPITAL_DATABASE_URL": address}
    with mock.patch.dict(os.environ, variables, clear=True):
        return load_settings(env_file=None).database.conninfo


def encrypted(cursor: Cursor) -> bool:
    row = cursor.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
    return bool(row and row["ssl"])


def why_not(open_database: OpenDatabase, address: str) -> str:
    with pytest.raises(DatabaseUnavailableError) as caught:
        open_database(address).read(encrypted)
    return str(caught.value)


@pytest.mark.parametrize("mode", [{}, {"sslmode": "require"}, {"sslmode": "disable"}, {"sslmode": "prefer"}])
def test_neon_connects_with_tls_whatever_weaker_is_asked_for(
    server: LocalPostgres, open_database: OpenDatabase, mode: dict[str, str]
) -> None:
    # hostaddr is loopback, where TLS is not asked for by itself: the strictness itself is tested without it
    remote = conninfo(url(server, **mode).replace("hostaddr=127.0.0.1", "hostaddr=192.0.2.1"))
    assert "sslmode=require" in remote
    assert open_database(remote.replace("192.0.2.1", "127.0.0.1")).read(encrypted)


def test_a_server_without_tls_is_refused_and_nothing_is_sent_in_the_clear(
    postgres: LocalPostgres, open_database: OpenDatabase
) -> None:
    words = why_not(open_database, postgres.dsn("postgres") + "?sslmode=require")
    assert "TLS is asked for and the server has none" in words


def test_verify_full_takes_the_right_certificate(
    server: LocalPostgres, open_database: OpenDatabase, authorities: tuple[Path, Path]
) -> None:
    address = conninfo(url(server, sslmode="verify-full", sslrootcert=str(authorities[0])))
    assert open_database(address).read(encrypted)


def test_verify_full_with_a_wrong_authority_is_a_clear_error(
    server: LocalPostgres, open_database: OpenDatabase, authorities: tuple[Path, Path]
) -> None:
    words = why_not(open_database, url(server, sslmode="verify-full", sslrootcert=str(authorities[1])))
    assert "not signed by an authority we trust" in words
    assert "do not lower sslmode" in words
    assert PASSWORD not in words


def test_verify_full_with_a_certificate_for_another_host_is_a_clear_error(
    server: LocalPostgres, open_database: OpenDatabase, authorities: tuple[Path, Path]
) -> None:
    address = url(server, sslmode="verify-full", sslrootcert=str(authorities[0]))
    words = why_not(open_database, address.replace(NAME, "other.example"))
    assert "is for another host name" in words


def test_verify_full_without_an_authority_is_a_clear_error(
    server: LocalPostgres, open_database: OpenDatabase, folder: Path
) -> None:
    address = url(server, sslmode="verify-full", sslrootcert=str(folder / "absent.crt"))
    assert "the file of the certificate's authority cannot be read" in why_not(open_database, address)
