"""Redis over TLS, a real server with a certificate: checked, and a clear cause where it does not hold."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import redis

from config import load_settings
from engine.clock import SystemClock
from ops.local.process import OwnedProcess, wait_until
from storage.errors import RedisUnavailableError
from storage.redis import RedisPages
from storage.seal import Seal
from tests.support.servers import HOST, free_port, need_program, redis_server, speaks

PASSWORD = "tls-word"


def make_certificate(folder: Path, who: str, name: str) -> Path:
    """Make a certificate that is its own authority."""
    certificate = folder / f"{who}.crt"
    subprocess.run(
        [
            *(need_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(folder / f"{who}.key"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("redis-tls")
    make_certificate(path, "server", "localhost")
    make_certificate(path, "elsewhere", "cache.example")
    return path


def start(folder: Path, who: str) -> tuple[OwnedProcess, int]:
    """Run a Redis that speaks TLS only, and wants a password."""
    port = free_port()
    command = [
        *(need_program("redis-server"), "--port", "0", "--tls-port", str(port), "--bind", HOST),
        *("--tls-cert-file", f"{folder}/{who}.crt", "--tls-key-file", f"{folder}/{who}.key"),
        *("--tls-ca-cert-file", f"{folder}/{who}.crt", "--tls-auth-clients", "no"),
        *("--requirepass", PASSWORD, "--save", "", "--appendonly", "no", "--dir", str(folder)),
        *("--set-proc-title", "no"),
    ]
    server = OwnedProcess(f"redis-{who}", command, log_path=folder / f"{who}.log", cwd=folder)
    server.start()
    # in the clear it hangs up, which is how it is seen to listen
    server.wait_ready(lambda: speaks(port, b"PING\r\n", b""), deadline_s=30)
    return server, port


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    server, port = start(folder, "server")
    yield port
    server.stop()


@pytest.fixture(scope="module")
def port_elsewhere(folder: Path) -> Iterator[int]:
    server, port = start(folder, "elsewhere")
    yield port
    server.stop()


@pytest.fixture
def variables(folder: Path) -> dict[str, str]:
    return {
        "REDIS_ENABLED": "1",
        "REDIS_MASTER_HOST": "localhost",
        "REDIS_PASSWORD": PASSWORD,
        "REDIS_TLS": "1",
        "REDIS_TLS_CA": str(folder / "server.crt"),
        "TP_CAPITAL_DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
        "TP_CAPITAL_DB_STRATEGY": "neon",
    }


def pages_of(variables: dict[str, str], port: int) -> RedisPages:
    """Return pages in the Redis that the settings name."""
    with mock.patch.dict(os.environ, variables | {"REDIS_MASTER_PORT": str(port)}, clear=True):
        place = load_settings(env_file=None).redis.master
    return RedisPages(master=place.arguments(), replica=None, clock=SystemClock(), seal=Seal("k" * 32))


def why_not(variables: dict[str, str], port: int) -> str:
    """Return the cause that is told; it holds no password, and the page was not kept."""
    pages = pages_of(variables, port)
    try:
        with pytest.raises(RedisUnavailableError):
            pages.put("k", b"page", ttl_s=30)
        error = pages.states()["redisMaster"].error
        assert error is not None
        assert PASSWORD not in error
        return error
    finally:
        pages.close()


@pytest.mark.parametrize("form", ["settings", "rediss"])
def test_pages_are_kept_over_tls(variables: dict[str, str], port: int, form: str) -> None:
    if form == "rediss":
        del variables["REDIS_TLS"]
        variables["REDIS_URL"] = f"rediss://default:{PASSWORD}@localhost:{port}/0"
    pages = pages_of(variables, port)
    try:
        assert wait_until(lambda: pages.states()["redisMaster"].error is None, deadline_s=30)
        pages.put("k", b"\x00\xffpage", ttl_s=30)
        assert pages.get("k") == b"\x00\xffpage"
    finally:
        pages.close()


def test_a_certificate_of_no_authority_of_ours_is_refused(variables: dict[str, str], port: int) -> None:
    del variables["REDIS_TLS_CA"]
    assert "certificate verify failed" in why_not(variables, port)


def test_only_the_authorities_that_are_named_count(
    variables: dict[str, str], folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own would be every authority there is: who names one trusts no other."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "server.crt"))
    pages = pages_of(variables | {"REDIS_TLS_CA": str(folder / "elsewhere.crt")}, port)
    try:
        assert "certificate verify failed" in str(pages.states()["redisMaster"].error)
    finally:
        pages.close()


def test_a_certificate_for_another_host_is_refused(
    variables: dict[str, str], folder: Path, port_elsewhere: int
) -> None:
    variables["REDIS_TLS_CA"] = str(folder / "elsewhere.crt")
    assert "ostname mismatch" in why_not(variables, port_elsewhere)


def test_a_server_without_tls_is_refused_and_sent_no_password(
    variables: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    server = redis_server(tmp_path, port)
    try:
        assert why_not(variables, port)
        with redis.Redis(host=HOST, port=port) as asked:
            assert "cmdstat_auth" not in asked.info("commandstats")
    finally:
        server.stop()


def test_without_tls_a_server_that_wants_it_is_a_named_cause(variables: dict[str, str], port: int) -> None:
    del variables["REDIS_TLS"], variables["REDIS_TLS_CA"]
    assert why_not(variables, port)
