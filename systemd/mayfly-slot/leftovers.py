"""The home and the files of a worker, and what it leaves in the kernel: created before a job, removed after it."""

from __future__ import annotations

import os
import time

from kernel_objects import KernelObjects
from scratch import emptied

SCRATCH_SECONDS = 8.0
"""How long to remove files before the worker's end is reported. After that the slot exits, and systemd removes them."""


State = tuple[int, int, int, list[str], list[str]]


class NoHome(OSError):
    """The home of a job cannot be created."""


class Leftovers:
    def __init__(self, scratch: list[str], home: str | None, own_user: bool) -> None:
        """
        scratch: directories that are emptied after each job. home: created for each job, in one of these. own_user:
        whether the user belongs to this slot only, so that all of its objects in the kernel belong to the last worker.
        """
        self._scratch = scratch
        self._home = home
        self._untouched: State | None = None
        self._objects = KernelObjects() if own_user else None

    def prepare(self) -> None:
        """Called before a job. Raises NoHome, for example if the disk is full."""
        if self._home is None or self._untouched is not None:
            return
        try:
            os.mkdir(self._home, 0o700)
        except OSError as error:
            raise NoHome(error.errno, error.strerror, self._home) from error
        self._untouched = state_of(self._home)

    def remove(self) -> bool:
        """Called after a job. False if something is left that only the end of the slot removes."""
        until = time.monotonic() + SCRATCH_SECONDS
        # Most workers do not change their home, and on a busy disk creating it again takes longer than everything else.
        kept = self._home if self._untouched and state_of(self._home or "") == self._untouched else None
        if kept is None:
            self._untouched = None
        clean = all([emptied(directory, until, kept) for directory in self._scratch])
        return (self._objects is None or self._objects.remove()) and clean


def state_of(directory: str) -> State | None:
    """A value that differs after any change of the directory's entries, permissions or attributes."""
    try:
        status = os.lstat(directory)
        attributes = os.listxattr(directory, follow_symlinks=False)
        return status.st_ino, status.st_mode, status.st_ctime_ns, os.listdir(directory), attributes
    except OSError:
        return None
