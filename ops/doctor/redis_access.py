"""Who else gets into a Redis: whoever does reads the pages, and may throw them away."""

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

_REMEDY = "set requirepass (and masterauth, of a replica) in redis.conf to a long random word and REDIS_PASSWORD to the same"


def check_access(
    name: str, at: RedisPlace, info: Mapping[str, Any] | redis.RedisError, *, answer_s: float
) -> CheckResult:
    """Find whether a server lets anybody in who reaches it, and whether the way there can be listened to."""
    if isinstance(info, redis.RedisError):
        return skipped(name, "no answer")
    place, near = f"{at.host}:{at.port}", _distance(at.host)
    if near != "loopback" and _lets_anybody_in(at, answer_s):
        return fail(name, f"{place} asks nobody for a password, and is not on loopback", _REMEDY)
    if near == "public" and not at.tls:
        return warn(
            name,
            f"{place} is reached over a public network without TLS: pages and password can be read on the way",
            "let that Redis listen by TLS (tls-port) and set REDIS_TLS=1, and REDIS_TLS_CA for an authority of your own",
        )
    said = "on loopback" if near == "loopback" else "asks for a password"
    return ok(name, f"{place} {said}{', by TLS' if at.tls else ''}; pages are sealed")


def _lets_anybody_in(at: RedisPlace, answer_s: float) -> bool:
    with connect_redis(replace(at, username=None, password=None).arguments(), timeout_s=answer_s) as server:
        try:
            return bool(server.ping())
        except redis.RedisError:
            return False


def _distance(host: str) -> str:
    """Return ``loopback``, ``private`` or ``public``, the farthest of the addresses that a name has."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return "public"
    addresses = [ipaddress.ip_address(str(address).partition("%")[0]) for address in found]
    if all(address.is_loopback for address in addresses):
        return "loopback"
    return "private" if all(address.is_private or address.is_loopback for address in addresses) else "public"
