"""The files of a job: those that the agent gives it, and the result that its worker may write.

They are in a directory that only the worker's user can open. It is created for a job, and removed when the processes of the
job are gone.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from scratch import emptied

DIRECTORY = "/dev/shm/mayfly"
"""In memory, so that nothing of a file is left on a disk. Each slot has a /dev/shm of its own (mayfly-slot@.service)."""

RESULT = b"MAYFLY_RESULT"
"""The variable that has the path of the result, and the name of that file. No file of the agent has it."""

RESULT_BYTES = 4096
"""The longest result, in bytes of UTF-8. The agent has the same number (agent/runner/worker-result.ts)."""

REMOVING_SECONDS = 2.0
"""How long to remove what a worker has put there. After that the slot exits, and systemd removes it."""


class NoFiles(OSError):
    """The files of a job cannot be created."""


class JobFiles:
    def __init__(self, directory: str | None) -> None:
        """directory: created for each job."""
        self._directory = os.fsencode(directory or DIRECTORY)

    def create(self, fields: list[bytes]) -> dict[bytes, bytes]:
        """
        Called before a job. fields: the names of variables, each followed by the content of its file. Returns the variables
        with the paths. Raises NoFiles, for example if the memory is full.
        """
        paths = {name: self._path(name) for name in fields[::2]}
        try:
            os.mkdir(self._directory, 0o700)
            for path, content in zip(paths.values(), fields[1::2]):
                write(path, content)
        except OSError as error:
            raise NoFiles(error.errno, error.strerror, self._directory) from error
        return {**paths, RESULT: self._path(RESULT)}

    def result(self) -> tuple[bytes, bytes]:
        """
        The result, and why it is left out. Both are empty if the worker wrote none. Called when no process of the job is left.
        """
        try:
            # A link is not followed, and a FIFO without a writer is not waited for.
            descriptor = os.open(self._path(RESULT), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return b"", b""
        except OSError as error:
            return b"", unreadable(error)
        try:
            return read_result(descriptor)
        except OSError as error:
            return b"", unreadable(error)
        finally:
            os.close(descriptor)

    def remove(self) -> bool:
        """Called after a job. False if something is left that only the end of the slot removes."""
        directory = os.fsdecode(self._directory)
        try:
            # A worker can put anything in the place of its directory.
            if not stat.S_ISDIR(os.lstat(directory).st_mode):
                os.unlink(directory)
                return True
            os.chmod(directory, 0o700)
            if not emptied(directory, time.monotonic() + REMOVING_SECONDS):
                return False
            os.rmdir(directory)
            return True
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _path(self, name: bytes) -> bytes:
        return os.path.join(self._directory, name)


def write(path: bytes, content: bytes) -> None:
    """Creates a file that its owner can read, and nobody can write without changing its mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def read_result(descriptor: int) -> tuple[bytes, bytes]:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return b"", NOT_REGULAR
    text = os.read(descriptor, RESULT_BYTES + 1)
    if len(text) > RESULT_BYTES:
        return b"", b"it has %d bytes, and a result has at most %d" % (status.st_size, RESULT_BYTES)
    try:
        text.decode()
    except UnicodeDecodeError:
        return b"", b"it is not UTF-8"
    return text, b""


NOT_REGULAR = b"it is not a regular file"


def unreadable(error: OSError) -> bytes:
    # A link is refused with ELOOP, and a socket with ENXIO (open(2)).
    if error.errno in (errno.ELOOP, errno.ENXIO):
        return NOT_REGULAR
    return b"it cannot be read (%b)" % errno.errorcode.get(error.errno or 0, "error").encode()
