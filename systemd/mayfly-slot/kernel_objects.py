"""Objects that a user's programs can leave in the kernel after their end: System V IPC objects and keys.

Only for a user that belongs to one slot (--own-user), so that all of its objects belong to the last worker. POSIX
message queues are files in /dev/mqueue, which is emptied like any directory.
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Callable

LIBC = ctypes.CDLL(None)

IPC_RMID = 0
"""sysvipc(7)"""

REMOVERS: dict[tuple[str, str], Callable[[int], int]] = {
    ("shm", "shmid"): lambda number: int(LIBC.shmctl(number, IPC_RMID, None)),
    ("sem", "semid"): lambda number: int(LIBC.semctl(number, 0, IPC_RMID)),
    ("msg", "msqid"): lambda number: int(LIBC.msgctl(number, IPC_RMID, None)),
}
"""By the file in /proc/sysvipc and its column with the objects' ids."""

SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}.get(platform.machine())
"""The C library has no function for this system call."""

JOIN_SESSION_KEYRING, CLEAR, GET_PERSISTENT = 1, 7, 22
"""keyctl(2)"""

READ_BYTES = 65_536

USER_KEYRING, USER_SESSION_KEYRING = -4, -5


class KernelObjects:
    """The objects of this process's user. The tables are opened once, because they are read after each job."""

    def __init__(self) -> None:
        self._tables = [(opened(name), column, remove) for (name, column), remove in REMOVERS.items()]

    def remove(self) -> bool:
        """False if an object cannot be removed."""
        renew_keyrings()
        found = [
            (remove, number)
            for table, column, remove in self._tables
            if table is not None
            for number in own_objects(contents(table), column)
        ]
        return all([remove(number) == 0 for remove, number in found])


def opened(name: str) -> int | None:
    try:
        return os.open(f"/proc/sysvipc/{name}", os.O_RDONLY)
    except FileNotFoundError:
        # The kernel has no System V IPC.
        return None


def contents(table: int) -> bytes:
    text = os.pread(table, READ_BYTES, 0)
    # Usually there is only the header. One read returns at most a page.
    while text.count(b"\n") > 1 and (more := os.pread(table, READ_BYTES, len(text))):
        text += more
    return text


def own_objects(text: bytes, column: str) -> list[int]:
    """Ids of the objects that this process's user owns or has created (proc_sysvipc(5))."""
    names, *rows = text.splitlines()
    if not rows:
        return []
    number, owner, maker = map(names.decode().split().index, (column, "uid", "cuid"))
    own = b"%d" % os.getuid()
    return [int(row[number]) for row in map(bytes.split, rows) if own in (row[owner], row[maker])]


def renew_keyrings() -> None:
    """
    Empties the keyrings of the user, and creates a session keyring that the next worker inherits. The slot's unit
    forbids keyrings to the slot and its workers. A drop-in can allow them to both.
    """
    if SYS_KEYCTL is None:
        return
    persistent = LIBC.syscall(SYS_KEYCTL, GET_PERSISTENT, -1, USER_KEYRING)
    for keyring in (USER_KEYRING, USER_SESSION_KEYRING, *([persistent] if persistent > 0 else [])):
        LIBC.syscall(SYS_KEYCTL, CLEAR, keyring)
    LIBC.syscall(SYS_KEYCTL, JOIN_SESSION_KEYRING, None)
