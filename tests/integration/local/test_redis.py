"""Redis servers as caches: what they hold is in their memory, and nowhere else."""

from pathlib import Path

import redis

from ops.local.redis import redis_answers
from tests.support.servers import HOST, free_port, redis_server
from tests.support.stack import eventually


def dumps(folder: Path) -> list[Path]:
    return list(folder.rglob("*.rdb"))


def test_no_page_is_left_on_the_disk(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    master = redis_server(tmp_path, first)
    replica = redis_server(tmp_path, second, replica_of=first)
    try:
        with redis.Redis(HOST, first) as pages, redis.Redis(HOST, second, decode_responses=True) as copy:
            pages.set("page", "one")
            eventually(lambda: redis_answers(second, in_sync=True) and copy.get("page") == "one")
            assert not dumps(tmp_path), "after the first copy"

            # a master started anew gives its copy to a replica that holds pages already
            master.stop()
            master.start()
            eventually(lambda: redis_answers(first))
            pages.set("page", "two")
            eventually(lambda: redis_answers(second, in_sync=True) and copy.get("page") == "two")
            assert not dumps(tmp_path), "after a copy over another"
    finally:
        replica.stop()
        master.stop()
    assert not dumps(tmp_path), "after the end"


def test_each_has_a_closed_folder_of_its_own_and_starts_empty(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    own = [tmp_path / f"redis-{port}" for port in ports]
    own[0].mkdir(mode=0o755)
    left = own[0] / "temp-1.2.rdb", tmp_path / "dump.rdb"
    for path in left:
        path.write_bytes(b"half a copy")
    servers = [redis_server(tmp_path, port) for port in ports]
    try:
        for port, folder in zip(ports, own, strict=True):
            with redis.Redis(HOST, port, decode_responses=True) as server:
                assert server.config_get("dir") == {"dir": str(folder)}
            assert folder.stat().st_mode & 0o777 == 0o700
        assert not any(path.exists() for path in left)
    finally:
        for server in servers:
            server.stop()
