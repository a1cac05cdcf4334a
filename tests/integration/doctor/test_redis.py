"""Redis servers in every wrong role."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import redis

from config.redis import RedisPlace
from ops.doctor.findings import CheckResult, CheckStatus
from ops.doctor.redis import check_access, examine_redis
from ops.local.redis import redis_answers
from tests.integration.doctor.conftest import Look
from tests.support.servers import HOST, free_port, redis_server
from tests.support.stack import eventually

Ask = Callable[..., dict[str, CheckResult]]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Run a master, its replica, and a master of nobody."""
    folder = tmp_path_factory.mktemp("redis")
    ports = {name: free_port() for name in ("master", "replica", "stranger")}
    servers = [redis_server(folder, ports["master"]), redis_server(folder, ports["stranger"])]
    servers.append(redis_server(folder, ports["replica"], replica_of=ports["master"]))
    eventually(lambda: redis_answers(ports["replica"], in_sync=True))
    yield ports
    for server in servers:
        server.kill()


@pytest.fixture
def ask(look: Look) -> Ask:
    """Look at a master and a replica by their ports."""

    def run(master: int, replica: int | None = None) -> dict[str, CheckResult]:
        settings: dict[str, object] = {"REDIS_ENABLED": 1, "REDIS_MASTER_PORT": master}
        if replica is not None:
            settings |= {"REDIS_REPLICA_HOST": HOST, "REDIS_REPLICA_PORT": replica}
        return look(examine_redis, **settings)

    return run


def configure(port: int, **settings: str) -> None:
    with redis.Redis(host=HOST, port=port) as server:
        for name, value in settings.items():
            server.config_set(name.replace("_", "-"), value)


def test_a_master_and_its_replica_are_ok(ask: Ask, ports: dict[str, int]) -> None:
    assert {finding.status for finding in ask(ports["master"], ports["replica"]).values()} == {CheckStatus.OK}


def test_without_redis_all_is_skipped(look: Look) -> None:
    assert {finding.status for finding in look(examine_redis).values()} == {CheckStatus.SKIPPED}


def test_without_a_replica_it_is_skipped(ask: Ask, ports: dict[str, int]) -> None:
    found = ask(ports["master"])
    assert (found["redis.master"].status, found["redis.replica"].status) == (
        CheckStatus.OK,
        CheckStatus.SKIPPED,
    )


def test_a_replica_that_is_no_replica_is_named(ask: Ask, ports: dict[str, int]) -> None:
    finding = ask(ports["master"], ports["stranger"])["redis.replica"]
    assert finding.status is CheckStatus.FAIL
    assert "is a master, not a replica" in finding.found
    assert f"-p {ports['stranger']} replicaof 127.0.0.1 {ports['master']}" in str(finding.remedy)


@pytest.mark.parametrize("host", [HOST, "localhost"])
def test_a_replica_that_is_the_master_itself_is_named(look: Look, ports: dict[str, int], host: str) -> None:
    settings = {"REDIS_ENABLED": 1, "REDIS_MASTER_HOST": HOST, "REDIS_MASTER_PORT": ports["master"]}
    given = {**settings, "REDIS_REPLICA_HOST": host, "REDIS_REPLICA_PORT": ports["master"]}
    finding = look(examine_redis, **given)["redis.replica"]
    assert finding.status is CheckStatus.FAIL
    assert "REDIS_REPLICA_HOST and _PORT name the master itself" in finding.found
    assert "remove REDIS_REPLICA_HOST" in str(finding.remedy)
    assert "replicaof" not in str(finding.remedy), "it would stop the master"


def test_a_master_that_is_a_replica_is_named(ask: Ask, ports: dict[str, int]) -> None:
    finding = ask(ports["replica"])["redis.master"]
    assert finding.status is CheckStatus.FAIL
    assert f"is a replica of 127.0.0.1:{ports['master']}" in finding.found
    assert "REDIS_MASTER_PORT" in str(finding.remedy)


def test_a_replica_of_another_master_is_named(ask: Ask, ports: dict[str, int]) -> None:
    finding = ask(ports["stranger"], ports["replica"])["redis.replica"]
    assert (finding.status, "another master" in finding.found) == (CheckStatus.FAIL, True)


def test_a_replica_out_of_sync_is_named(ask: Ask, ports: dict[str, int], tmp_path: Path) -> None:
    port, nobody = free_port(), free_port()
    server = redis_server(tmp_path, port, replica_of=nobody)
    try:
        finding = ask(ports["master"], port)["redis.replica"]
    finally:
        server.kill()
    assert (finding.status, "out of sync" in finding.found) == (CheckStatus.FAIL, True)


def test_memory_without_limit_or_with_another_policy_is_a_warning(ask: Ask, ports: dict[str, int]) -> None:
    configure(ports["stranger"], maxmemory="0", maxmemory_policy="noeviction")
    finding = ask(ports["stranger"])["redis.master_memory"]
    configure(ports["stranger"], maxmemory="1mb", maxmemory_policy="allkeys-lru")
    assert finding.status is CheckStatus.WARN
    assert "maxmemory is 0" in finding.found
    assert "noeviction, not allkeys-lru" in finding.found
    assert "config set maxmemory 256mb" in str(finding.remedy)


def test_a_replica_that_takes_writes_is_a_warning(ask: Ask, ports: dict[str, int]) -> None:
    configure(ports["replica"], replica_read_only="no")
    finding = ask(ports["master"], ports["replica"])["redis.replica"]
    configure(ports["replica"], replica_read_only="yes")
    assert (finding.status, "accepts writes" in finding.found) == (CheckStatus.WARN, True)


def test_a_redis_that_asks_for_a_password_is_named(ask: Ask, ports: dict[str, int], tmp_path: Path) -> None:
    port = free_port()
    server = redis_server(tmp_path, port)
    try:
        configure(port, requirepass="secret")
        finding = ask(port)["redis.master"]
    finally:
        server.kill()
    assert (finding.status, "requires a password" in finding.found) == (CheckStatus.FAIL, True)
    assert "REDIS_PASSWORD" in str(finding.remedy)


def test_fault_51_a_wrong_password_is_named_and_not_shown(look: Look, tmp_path: Path) -> None:
    port = free_port()
    server = redis_server(tmp_path, port)
    settings = {"REDIS_ENABLED": 1, "REDIS_MASTER_PORT": port, "REDIS_PASSWORD": "ours"}
    try:
        configure(port, requirepass="theirs")
        wrong = look(examine_redis, **settings)["redis.master"]
        right = look(examine_redis, **{**settings, "REDIS_PASSWORD": "theirs"})
    finally:
        server.kill()
    assert "refuses the user or the password" in wrong.found
    assert (right["redis.master"].status, right["redis.master_access"].status) == (
        CheckStatus.OK,
        CheckStatus.OK,
    )
    for finding in (wrong, *right.values()):
        assert "ours" not in f"{finding.found}{finding.remedy}"


def test_fault_51_a_redis_that_lets_anybody_in_off_loopback_is_named(tmp_path: Path) -> None:
    address = own_address()
    port = free_port()
    server = redis_server(tmp_path, port)
    try:
        configure(port, bind=f"{HOST} {address}", protected_mode="no")
        at = RedisPlace(host=address, port=port)
        open_to_all = check_access("redis.master_access", at, {}, answer_s=2)
        configure(port, requirepass="word")
        closed = check_access("redis.master_access", at, {}, answer_s=2)
    finally:
        server.kill()
    assert (open_to_all.status, "requires no password" in open_to_all.found) == (CheckStatus.FAIL, True)
    assert "requirepass" in str(open_to_all.remedy)
    assert closed.status is CheckStatus.OK


def test_fault_51_a_way_over_a_public_network_without_tls_is_a_warning() -> None:
    at = RedisPlace(host="192.0.2.1", port=1)
    with mock.patch("ops.doctor.redis._distance", return_value="public"):
        finding = check_access("redis.master_access", at, {}, answer_s=0.1)
    assert (finding.status, "REDIS_TLS=1" in str(finding.remedy)) == (CheckStatus.WARN, True)


def own_address() -> str:
    """Return an address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        try:
            wire.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(wire.getsockname()[0])


def test_a_redis_that_is_away_is_named_with_its_settings(ask: Ask, ports: dict[str, int]) -> None:
    found = ask(ports["master"], 1)
    assert found["redis.replica"].status is CheckStatus.FAIL
    assert "REDIS_REPLICA_PORT" in str(found["redis.replica"].remedy)
    assert "REDIS_MASTER_PORT" in str(ask(1)["redis.master"].remedy)
