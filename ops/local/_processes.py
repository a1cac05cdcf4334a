"""Questions about processes by their id."""

import psutil

__all__ = ["children_of", "command_line_of", "has_ended", "is_alive", "is_held"]

_ENDED = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
_HELD = frozenset({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})


def is_alive(pid: int) -> bool:
    """Return whether the process runs. A process that ended and was not collected by its parent does not run."""
    try:
        return not has_ended(psutil.Process(pid))
    except psutil.Error:
        return False


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process ended, also if another process has its id now.

    A process that is ending has no arguments any more, but may still hold its ports and locks. It has not ended.
    """
    try:
        # a container's first process may never collect orphans, so a dead server can stay listed for ever; while the
        # first thread is listed as ended, others may still hold the files
        return not process.is_running() or (process.status() in _ENDED and process.num_threads() <= 1)
    except psutil.Error:
        return True


def is_held(pid: int) -> bool:
    """Return whether a process is stopped by SIGSTOP or gone. In both cases it does nothing."""
    return _status(pid) in {None, *_ENDED, *_HELD}


def command_line_of(pid: int) -> tuple[str, ...]:
    """Return the arguments of a process. They are empty if it is gone or has overwritten them."""
    try:
        return tuple(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ()


def children_of(pid: int) -> tuple[int, ...]:
    """Return the ids of the direct children of a process."""
    try:
        return tuple(child.pid for child in psutil.Process(pid).children())
    except psutil.Error:
        return ()


def _status(pid: int) -> str | None:
    """Return the state of a process, or None if it is gone."""
    try:
        return str(psutil.Process(pid).status())
    except psutil.Error:
        return None
