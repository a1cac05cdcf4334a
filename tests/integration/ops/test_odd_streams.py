"""Terminals and streams that are odd, closed or full: every command works, or ends with one line (fault 69)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.ports import free_port
from tests.support.stack import surroundings

ROOT = Path(__file__).parents[3]
SIGNAL = "COMPRA PETR4 ação\nentrada 30,10\nalvo 31,00\nstop 29,50 😀"


def run(shell: str, folder: Path, *, text: str = "", **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", shell.replace("tp-capital", f"{sys.executable} -m ops.cli")],
        cwd=folder,
        env=surroundings() | {"PYTHONPATH": str(ROOT)} | variables,
        input=text.encode(),
        capture_output=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_fault_69_a_terminal_of_another_encoding_is_written_to(tmp_path: Path, encoding: str) -> None:
    done = run(
        "tp-capital init-env --output - > out && tp-capital parse --explain >> out && tp-capital doctor >> out; true",
        tmp_path,
        text=SIGNAL,
        PYTHONIOENCODING=encoding,
    )
    assert done.stderr == b""
    (tmp_path / ".env").write_bytes((tmp_path / "out").read_bytes().split(b"signal:")[0])
    assert b"TP_CAPITAL_DB_PASSWORD=" in (tmp_path / ".env").read_bytes()


def test_fault_69_a_text_is_read_as_utf_8_whatever_the_terminal_speaks(tmp_path: Path) -> None:
    plain = run("tp-capital parse --jsonl", tmp_path, text=json.dumps({"id": "ção", "text": SIGNAL}))
    raw = json.dumps({"id": "ção", "text": SIGNAL}, ensure_ascii=False)
    odd = run("tp-capital parse --jsonl", tmp_path, text=raw, PYTHONIOENCODING="latin-1")
    assert odd.stdout == plain.stdout
    assert json.loads(odd.stdout)["id"] == "ção"


@pytest.mark.parametrize(
    "command",
    ["parse", "parse --jsonl", "init-env --output -", "doctor --json", "demo --port {port}"],
)
def test_fault_69_a_full_disk_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    text = json.dumps({"id": "1", "text": SIGNAL})
    done = run(f"tp-capital {command.format(port=free_port())} > /dev/full", tmp_path, text=text)
    assert done.returncode == 1
    assert done.stderr.decode() == "tp-capital: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&-"])
def test_fault_69_closed_streams_are_worked_without(tmp_path: Path, closed: str) -> None:
    for command in ("parse nothing.txt", "stack status"):
        done = run(f"tp-capital {command} {closed}", tmp_path)
        assert b"Traceback" not in done.stderr + done.stdout
        assert done.stderr.count(b"\n") <= 1
    made = run(f"tp-capital init-env {closed}", tmp_path)
    assert made.returncode == 0
    assert "TP_CAPITAL_API_KEY=" in (tmp_path / ".env").read_text("utf-8")


def test_fault_69_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    done = run("tp-capital init-env --output - | head -c 10", tmp_path)
    assert done.stderr == b""
    done = run(
        "tp-capital parse --jsonl | true", tmp_path, text=(json.dumps({"id": "1", "text": "x"}) + "\n") * 5000
    )
    assert b"Traceback" not in done.stderr


def test_fault_69_a_demo_runs_without_an_output(tmp_path: Path) -> None:
    done = run(f"tp-capital demo --port {free_port()} --for 0 >&-", tmp_path)
    assert done.stderr == b""
    assert done.returncode == 0


def test_fault_60_a_file_or_a_line_without_end_is_parsed_in_little_memory(tmp_path: Path) -> None:
    """The limit is of address space in kB: some 500 MB of it are the interpreter's and its libraries'."""
    whole = run("ulimit -v 900000; tp-capital parse /dev/zero", tmp_path)
    assert json.loads(whole.stdout)["reason"] == "too_long"
    with (tmp_path / "lines").open("wb") as file:
        file.seek(900_000_000)
        file.write(b'\n{"id":"2","text":"bom dia"}\n')
    lines = run("ulimit -v 900000; tp-capital parse --jsonl lines", tmp_path)
    assert lines.stderr == b"line 1: the line is longer than 262144 characters\n"
    assert json.loads(lines.stdout)["id"] == "2"
