"""Questions about processes by their id: from /proc where there is one, else from ps."""

import os
import subprocess
from pathlib import Path

__all__ = ["children_of", "command_line_of", "is_alive", "is_held"]

_PROC = Path("/proc")


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; one that ended and was not yet collected by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A container's first process may never collect orphans, so a dead server can stay listed for ever.
    return _state_and_parent(pid)[0] not in {"Z", "X"}


def is_held(pid: int) -> bool:
    """Tell whether a process stands still by SIGSTOP, or is gone and can do nothing either."""
    state = _state_and_parent(pid)[0]
    # "" from a system without /proc, where there is nothing to be known by.
    return state in {"T", "t", "Z", "X", ""}


def command_line_of(pid: int) -> tuple[str, ...]:
    """Return the arguments a process was started with; empty when it is gone or has overwritten them."""
    if _PROC.is_dir():
        try:
            # Readable for any user, unlike /proc/<pid>/exe and cwd, which a container's root may not follow.
            raw = (_PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ()
        return tuple(part.decode(errors="replace") for part in raw.split(b"\0")[:-1])
    return tuple(_ps("-ww", "-o", "command=", "-p", str(pid)).split())


def children_of(pid: int) -> tuple[int, ...]:
    """Return the ids of the direct children of a process."""
    if not _PROC.is_dir():
        pairs = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
        return tuple(int(child) for child, parent in pairs if int(parent) == pid)
    listed = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return tuple(child for child in listed if _state_and_parent(child)[1] == pid)


def _state_and_parent(pid: int) -> tuple[str, int]:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return "", 0
    # The second field is the program's name in brackets and may itself hold blanks and brackets: proc(5).
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, int(parent)


def _ps(*arguments: str) -> str:
    done = subprocess.run(["/bin/ps", *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout
