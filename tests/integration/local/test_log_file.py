"""Following a log: whole lines, also from the file that a started part puts in its place."""

from pathlib import Path

from ops.local.log_file import LogFile


def test_a_log_is_followed_line_by_line_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("one\ntwo\nthree\n")
    with LogFile(path) as log, path.open("a") as writer:
        assert log.last(2) == "two\nthree\n"
        assert log.news() == ""
        for text, shown in (("four\nfi", "four\n"), ("ve", ""), ("\n", "five\n")):
            writer.write(text)
            writer.flush()
            assert log.news() == shown
        writer.write("the last\n")
        writer.flush()
        path.replace(tmp_path / "engine.log.1")
        assert log.news() == "the last\n"
        assert log.news() == "", "there is no new file yet"
        path.write_text("anew\n")
        assert log.news() == "anew\n"
