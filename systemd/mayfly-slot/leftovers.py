"""What a worker finds that is its own and leaves when it has ended, beside its processes."""

from __future__ import annotations

import os
import time

from kernel_objects import KernelObjects
from scratch import emptied

SCRATCH_SECONDS = 8.0
"""For what a worker left in its directories, before its end is told. More than that goes with the slot."""


State = tuple[int, int, int, list[str], list[str]]


class NoHome(OSError):
    """There is no home for a job."""


class Leftovers:
    def __init__(self, scratch: list[str], home: str | None, own_user: bool) -> None:
        """
        scratch: emptied after each job. home: made for each job, in one of these. own_user: whether the user is this
        slot's alone, so that all that it has in the kernel is the last worker's.
        """
        self._scratch = scratch
        self._home = home
        self._untouched: State | None = None
        self._objects = KernelObjects() if own_user else None

    def prepare(self) -> None:
        """Before a job. Raises NoHome: the disk may be full."""
        if self._home is None or self._untouched is not None:
            return
        try:
            os.mkdir(self._home, 0o700)
        except OSError as error:
            raise NoHome(error.errno, error.strerror, self._home) from error
        self._untouched = state_of(self._home)

    def remove(self) -> bool:
        """After a job. False when something is left that only the slot's end removes."""
        until = time.monotonic() + SCRATCH_SECONDS
        # Most workers leave their home alone. To make it anew costs more than all the rest, where disks are busy.
        kept = self._home if self._untouched and state_of(self._home or "") == self._untouched else None
        if kept is None:
            self._untouched = None
        clean = all([emptied(directory, until, kept) for directory in self._scratch])
        return (self._objects is None or self._objects.remove()) and clean


def state_of(directory: str) -> State | None:
    """What any change of a directory changes: of its entries, its rights or its attributes."""
    try:
        status = os.lstat(directory)
        attributes = os.listxattr(directory, follow_symlinks=False)
        return status.st_ino, status.st_mode, status.st_ctime_ns, os.listdir(directory), attributes
    except OSError:
        return None
