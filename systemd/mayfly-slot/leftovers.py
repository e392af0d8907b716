"""What a worker finds that is its own and leaves when it has ended, beside its processes."""

from __future__ import annotations

import os
import time

from kernel_objects import remove_kernel_objects
from scratch import emptied

SCRATCH_SECONDS = 8.0
"""For what a worker left in its directories, before its end is told. More than that goes with the slot."""


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
        self._own_user = own_user

    def prepare(self) -> None:
        """Before a job. Raises NoHome: the disk may be full."""
        if self._home is None:
            return
        try:
            os.mkdir(self._home, 0o700)
        except OSError as error:
            raise NoHome(error.errno, error.strerror, self._home) from error

    def remove(self) -> bool:
        """After a job. False when something is left that only the slot's end removes."""
        until = time.monotonic() + SCRATCH_SECONDS
        clean = all([emptied(directory, until) for directory in self._scratch])
        return (not self._own_user or remove_kernel_objects()) and clean
