"""Reading what a postmaster notes of itself, whole or not."""

from pathlib import Path

import pytest

from ops.local._cluster import Cluster, PostmasterNote
from ops.local.postgres import LocalPostgres
from ops.local.process import LocalServerError

_LINES = ["412", "/x/data", "1763900000", "5433", "", "127.0.0.1", "  1234 5", "ready   "]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    (tmp_path / "data").mkdir()
    return Cluster(tmp_path, durable=False)


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (_LINES, PostmasterNote(pid=412, port=5433, ready=True)),
        ([*_LINES[:7], "starting"], PostmasterNote(pid=412, port=5433, ready=False)),
        (_LINES[:4], PostmasterNote(pid=412, port=5433, ready=False)),
        (_LINES[:2], None),
        ([], None),
        (["?", *_LINES[1:]], None),
    ],
)
def test_a_note_is_read_as_far_as_it_is_written(
    cluster: Cluster, lines: list[str], note: PostmasterNote | None
) -> None:
    (cluster.data / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
    assert cluster.note() == note


def test_no_note_is_none_and_forgetting_it_is_fine(cluster: Cluster) -> None:
    assert cluster.note() is None
    cluster.forget_note()


def test_the_address_escapes_what_urls_reserve(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path, port=5433)
    assert server.dsn("d/1", "a b", "p@:/?#") == "postgresql://a%20b:p%40%3A%2F%3F%23@127.0.0.1:5433/d%2F1"
    assert server.dsn("d", "reader") == "postgresql://reader@127.0.0.1:5433/d"


def test_there_is_no_port_before_the_first_start(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="no port"):
        _ = LocalPostgres(tmp_path).port
