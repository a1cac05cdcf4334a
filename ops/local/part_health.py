"""Whether a part of a stack is healthy: each is asked as its users would ask it."""

from __future__ import annotations

from pathlib import Path

from ops.local.keys import broker_password, cache_password, role_passwords
from ops.local.own_programs import ENGINE_DATABASE
from ops.local.pgbouncer import pgbouncer_answers
from ops.local.ports import http_problem
from ops.local.rabbitmq import broker_problem, broker_url
from ops.local.redis import redis_answers
from ops.local.roles import ENGINE_ROLE

__all__ = ["part_problem"]


def part_problem(folder: Path, name: str, port: int) -> str | None:
    """Ask a part of the stack in ``folder``, and return its problem, or None if it is healthy."""
    match name:
        case "database" | "pgbouncer":
            password = role_passwords(folder).engine
            if pgbouncer_answers(port, database=ENGINE_DATABASE, user=ENGINE_ROLE, password=password):
                return None
            return f"lets nobody into {ENGINE_DATABASE}"
        case "redis-master":
            return None if redis_answers(port, password=cache_password(folder)) else "does not answer"
        case "redis-replica":
            in_sync = redis_answers(port, in_sync=True, password=cache_password(folder))
            return None if in_sync else "is not in sync with its master"
        case "epmd":
            return None  # it listens, or nobody would ask
        case "broker":
            return broker_problem(broker_url(port, broker_password(folder)))
        case _:
            return http_problem(port, "/readyz" if name == "engine" else "/health")
