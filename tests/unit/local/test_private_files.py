"""Files that only their owner reads are never seen half written."""

import threading
from pathlib import Path

from ops.local.private_files import kept_words, write_private


def test_a_reader_sees_the_former_text_or_the_new_one(tmp_path: Path) -> None:
    path, seen, stop = tmp_path / "settings", set[str](), threading.Event()
    write_private(path, "a" * 100_000)

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        write_private(path, "ab"[number % 2] * 100_000)
    stop.set()
    reader.join()

    assert seen <= {"a" * 100_000, "b" * 100_000}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["settings"], "a draft stayed"


def test_of_two_that_make_a_key_at_once_both_get_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def slower() -> str:
        assert kept_words(path, lambda: "first") == ["first"]
        return "second"

    assert kept_words(path, slower) == ["first"]
    assert kept_words(path, lambda: "third") == ["first"]


def test_a_key_file_that_a_kill_left_empty_is_filled(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    assert kept_words(tmp_path / "key", lambda: "made") == ["made"]
