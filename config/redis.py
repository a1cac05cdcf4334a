"""The cache."""

from __future__ import annotations

from pydantic import Field

from config.fields import Group, Port, env_names

__all__ = ["RedisSettings"]


class RedisSettings(Group):
    """The cache. Without Redis pages are kept in the process."""

    enabled: bool = Field(
        default=False,
        validation_alias=env_names("REDIS_ENABLED"),
        description="whether pages are kept in Redis",
    )
    master_host: str = Field(
        default="127.0.0.1",
        validation_alias=env_names("REDIS_MASTER_HOST"),
        description="host of the master, which is written to",
    )
    master_port: Port = Field(
        default=6381, validation_alias=env_names("REDIS_MASTER_PORT"), description="port of the master"
    )
    replica_host: str | None = Field(
        default=None,
        validation_alias=env_names("REDIS_REPLICA_HOST"),
        description="host of the replica, which is read from; without it the master is",
    )
    replica_port: Port = Field(
        default=6382, validation_alias=env_names("REDIS_REPLICA_PORT"), description="port of the replica"
    )
    ttl_s: int = Field(
        default=30,
        ge=1,
        le=86_400,
        validation_alias=env_names("REDIS_CACHE_TTL"),
        description="seconds a page is kept, in Redis or in the process",
    )
