"""Access to Redis: anyone with access can read the cached pages and delete them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import redis

from config.redis import RedisPlace
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from storage.redis_server import connect_redis

__all__ = ["check_access"]

_REMEDY = "set requirepass (on a replica also masterauth) in redis.conf to a long random password, and REDIS_PASSWORD to the same"


def check_access(
    name: str, at: RedisPlace, info: Mapping[str, Any] | redis.RedisError, *, answer_s: float
) -> CheckResult:
    """Check whether a server requires a password, and whether others can read the traffic to it."""
    if isinstance(info, redis.RedisError):
        return skipped(name, "no answer")
    place, near = f"{at.host}:{at.port}", _distance(at.host)
    if near != "loopback" and _lets_anybody_in(at, answer_s):
        return fail(name, f"{place} requires no password and is not on loopback", _REMEDY)
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
