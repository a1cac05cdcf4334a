"""Finds out from the kernel's tables which process owns a listening port. So no stranger passes for our child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["may_listen"]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = "0A"
#: 127.0.0.1 as a kernel of either byte order writes it, as IPv4 and as mapped IPv6. A listener on this address answers
#: before a listener on all addresses.
_LOOPBACK = frozenset(
    {"0100007F", "7F000001", "0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001"}
)
_EVERYWHERE = frozenset({"0" * 8, "0" * 32})


@dataclass(frozen=True, slots=True)
class _Listener:
    address: str
    user: int
    inode: str


def may_listen(pid: int, port: int) -> bool:
    """Return whether this process answers on a port of 127.0.0.1, as far as the system shows it.

    Without /proc nothing is known, and the answer is True.
    """
    if not _TABLES[0].exists():
        return True
    listeners = list(_listeners(port))
    found = [one for one in listeners if one.address in _LOOPBACK] or listeners
    return bool(found) and all(_is_of(pid, listener) for listener in found)


def _listeners(port: int) -> Iterator[_Listener]:
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # proc_net(5): number, local address, remote address, state, ..., user (7), ..., inode (9)
            fields = line.split()
            address, _, hexadecimal = fields[1].partition(":")
            if fields[3] == _LISTEN and int(hexadecimal, 16) == port and address in _LOOPBACK | _EVERYWHERE:
                yield _Listener(address, int(fields[7]), fields[9])


def _is_of(pid: int, listener: _Listener) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        links = list((folder / "fd").iterdir())
    except PermissionError:
        # the server runs under another account, and this container may not look into it
        return _user_of(folder) == listener.user
    except OSError:
        return False
    wanted = f"socket:[{listener.inode}]"
    for link in links:
        try:
            if str(link.readlink()) == wanted:
                return True
        except PermissionError:
            return _user_of(folder) == listener.user
        except OSError:
            continue  # it was closed meanwhile
    return False


def _user_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except OSError:
        return None
