"""Redis: the master accepts writes, the replica follows this master in sync, memory is used as a cache, access is limited.

Anyone with access can read the cached pages and delete them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import redis

from config.redis import RedisPlace
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from storage.redis_client import connect_redis

__all__ = ["check_access", "examine_redis", "judge_memory", "judge_replica"]

_MASTER, _REPLICA = "redis.master", "redis.replica"
_MASTER_ACCESS, _REPLICA_ACCESS = "redis.master_access", "redis.replica_access"
_MASTER_MEMORY, _REPLICA_MEMORY = "redis.master_memory", "redis.replica_memory"
_OF_REPLICA: Final = (_REPLICA, _REPLICA_ACCESS, _REPLICA_MEMORY)
_NAMES: Final = (_MASTER, _MASTER_ACCESS, _MASTER_MEMORY, *_OF_REPLICA)
#: the largest acceptable lag of a replica in bytes: a few seconds of pages
_LAG_BYTES: Final = 16 * 1024 * 1024
_POLICY: Final = "allkeys-lru"
_ACCESS_REMEDY: Final = (
    "set requirepass (on a replica also masterauth) in redis.conf to a long random password, and REDIS_PASSWORD to"
    " the same"
)

Info = Mapping[str, Any]


def examine_redis(around: CheckContext) -> Iterator[CheckResult]:
    """Check each configured server."""
    settings = around.settings.redis
    if not settings.enabled:
        yield from (
            skipped(name, "REDIS_ENABLED is not set: pages are kept in the process") for name in _NAMES
        )
        return
    at = settings.master
    place = f"{at.host}:{at.port}"
    master = _ask(at, around.answer_s)
    yield _judge_master(master, place)
    yield check_access(_MASTER_ACCESS, at, master, answer_s=around.answer_s)
    yield _judge_memory_of(_MASTER_MEMORY, master, place)
    behind = settings.replica
    if behind is None:
        yield from (skipped(name, "REDIS_REPLICA_HOST is not set") for name in _OF_REPLICA)
        return
    place = f"{behind.host}:{behind.port}"
    replica = _ask(behind, around.answer_s)
    if (behind.host, behind.port) == (at.host, at.port):
        yield _same(place)
    elif isinstance(replica, Exception):
        yield _unreachable(_REPLICA, place, replica)
    else:
        yield judge_replica(
            replica,
            None if isinstance(master, Exception) else master,
            place=place,
            master_place=f"{at.host} {at.port}",
        )
    yield check_access(_REPLICA_ACCESS, behind, replica, answer_s=around.answer_s)
    yield _judge_memory_of(_REPLICA_MEMORY, replica, place)


def _ask(at: RedisPlace, timeout_s: float) -> Info | redis.RedisError:
    with connect_redis(at.arguments(), timeout_s=timeout_s) as server:
        try:
            answers = [server.info(section) for section in ("server", "replication", "memory")]
        except redis.RedisError as error:
            return error
    return {key: value for answer in answers if isinstance(answer, dict) for key, value in answer.items()}


def _unreachable(name: str, place: str, error: Exception) -> CheckResult:
    variable = "REDIS_MASTER" if name == _MASTER else "REDIS_REPLICA"
    text = str(error)
    if "WRONGPASS" in text or "invalid username-password" in text:
        return fail(
            name,
            f"{place} refuses the user or the password",
            "set REDIS_USERNAME and REDIS_PASSWORD to the values of that Redis (requirepass or its ACL)",
        )
    if isinstance(error, redis.AuthenticationError):
        return fail(
            name, f"{place} requires a password, but none is set", "set REDIS_PASSWORD to that password"
        )
    if "SSL" in text or "certificate" in text:
        return fail(
            name,
            f"{place}: TLS failed: {text}",
            "set REDIS_TLS_CA to the certificate file of the authority that signed its certificate; "
            "or set REDIS_TLS=0 if that port does not use TLS",
        )
    return fail(
        name,
        f"{place}: {error}",
        f"start redis-server, or set {variable}_HOST and {variable}_PORT",
    )


def _judge_master(info: Info | redis.RedisError, place: str) -> CheckResult:
    if isinstance(info, redis.RedisError):
        return _unreachable(_MASTER, place, info)
    if info.get("role") != "master":
        return fail(
            _MASTER,
            f"{place} is {_role(info)}, not a master",
            f"set REDIS_MASTER_HOST and REDIS_MASTER_PORT to the master, or run {_cli(place)} replicaof no one",
        )
    return ok(_MASTER, f"{place} is a master")


def _role(info: Info) -> str:
    if info.get("role") == "slave":
        return f"a replica of {_source(info)}"
    return f"a {info['role']}" if info.get("role") else "a server that tells no role"


def _source(info: Info) -> str:
    """Return the master that a replica names. Some proxies and services of Redis leave it out."""
    return (
        f"{info['master_host']}:{info.get('master_port')}"
        if info.get("master_host")
        else "a master it does not name"
    )


def judge_replica(replica: Info, master: Info | None, *, place: str, master_place: str) -> CheckResult:
    """Judge a replica by its ``INFO`` and that of its master. ``master`` is None if the master did not answer."""
    if master is not None and replica.get("run_id", "") == master.get("run_id"):
        # Both names mean one server. Do not suggest replicaof: a master that follows itself accepts no writes.
        return _same(place)
    order = f"{_cli(place)} replicaof {master_place}"
    if replica.get("role") != "slave":
        return fail(
            _REPLICA,
            f"{place} is {_role(replica)}, not a replica: it never receives the master's data",
            f"{order}; or set REDIS_REPLICA_HOST and REDIS_REPLICA_PORT to the replica",
        )
    source = _source(replica)
    if replica.get("master_link_status") != "up":
        return fail(
            _REPLICA, f"{place} is out of sync: its link to {source} is down", f"start {source}, or: {order}"
        )
    if master is not None and replica.get("master_replid") != master.get("master_replid"):
        return fail(_REPLICA, f"{place} is a replica of another master, {source}", order)
    if replica.get("master_sync_in_progress"):
        return warn(_REPLICA, f"{place} is copying the data of {source}", "wait until it is in sync")
    lag_bytes = 0
    if master is not None:
        lag_bytes = int(master.get("master_repl_offset", 0)) - int(replica.get("slave_repl_offset", 0))
    if lag_bytes > _LAG_BYTES:
        return warn(
            _REPLICA,
            f"{place} is {lag_bytes} bytes behind its master",
            "check the network between them and the load of the replica's machine",
        )
    if not replica.get("slave_read_only", 1):
        return warn(
            _REPLICA,
            f"{place} accepts writes, which its master does not receive",
            f"{_cli(place)} config set replica-read-only yes",
        )
    return ok(_REPLICA, f"{place} is a replica of {source}, in sync")


def _same(place: str) -> CheckResult:
    return fail(
        _REPLICA,
        f"REDIS_REPLICA_HOST and _PORT name the master itself, {place}",
        "set them to the replica, or remove REDIS_REPLICA_HOST",
    )


def _cli(place: str) -> str:
    host, _, port = place.rpartition(":")
    return f"redis-cli -h {host} -p {port}"


def _judge_memory_of(name: str, info: Info | redis.RedisError, place: str) -> CheckResult:
    if isinstance(info, redis.RedisError):
        return skipped(name, "no answer")
    return judge_memory(name, info, place=place)


def judge_memory(name: str, info: Info, *, place: str) -> CheckResult:
    """Judge whether a server has a memory limit and evicts the least recently used pages."""
    limit, policy = int(info.get("maxmemory", 0)), str(info.get("maxmemory_policy"))
    wrong, remedies = [], []
    if limit == 0:
        wrong.append("maxmemory is 0: pages may fill the machine's memory")
        remedies.append("config set maxmemory 256mb")
    if policy != _POLICY:
        wrong.append(
            f"maxmemory-policy is {policy}, not {_POLICY}: a full cache refuses writes or evicts the wrong pages"
        )
        remedies.append(f"config set maxmemory-policy {_POLICY}")
    if not wrong:
        return ok(name, f"{limit // (1024 * 1024)} MB, {policy}")
    return warn(
        name,
        "; ".join(wrong),
        " and ".join(f"{_cli(place)} {remedy}" for remedy in remedies) + ", and the same in redis.conf",
    )


def check_access(
    name: str, at: RedisPlace, info: Mapping[str, Any] | redis.RedisError, *, answer_s: float
) -> CheckResult:
    """Check whether a server requires a password, and whether others can read the traffic to it."""
    if isinstance(info, redis.RedisError):
        return skipped(name, "no answer")
    place, near = f"{at.host}:{at.port}", _distance(at.host)
    if near != "loopback" and _lets_anybody_in(at, answer_s):
        return fail(name, f"{place} requires no password and is not on loopback", _ACCESS_REMEDY)
    if near == "public" and not at.tls:
        return warn(
            name,
            f"{place} is reached over a public network without TLS: others can read the pages and the password",
            "enable TLS in that Redis (tls-port) and set REDIS_TLS=1; for a private authority also REDIS_TLS_CA",
        )
    said = "is on loopback" if near == "loopback" else "requires a password"
    return ok(name, f"{place} {said}{' and uses TLS' if at.tls else ''}; pages are authenticated")


def _lets_anybody_in(at: RedisPlace, answer_s: float) -> bool:
    with connect_redis(replace(at, username=None, password=None).arguments(), timeout_s=answer_s) as server:
        try:
            return bool(server.ping())
        except redis.RedisError:
            return False


def _distance(host: str) -> str:
    """Return ``loopback``, ``private`` or ``public`` for the farthest address of a host."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return "public"
    addresses = [ipaddress.ip_address(str(address).partition("%")[0]) for address in found]
    if all(address.is_loopback for address in addresses):
        return "loopback"
    return "private" if all(address.is_private or address.is_loopback for address in addresses) else "public"
