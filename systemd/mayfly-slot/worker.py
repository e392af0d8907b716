"""A worker process: its start, its signals, its exit."""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from job_files import NoFiles
from leftovers import NoHome
from polling import NEVER, ready

DRAIN_SECONDS = 0.25
"""How long to wait for the end of the output after the worker's exit. A process that it left may keep the pipe open."""

IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python or systemd ignores. They are reset, because a worker would inherit that."""


class Worker:
    """A running worker. Raises OSError if it cannot be started."""

    def __init__(self, fields: list[bytes], paths: dict[bytes, bytes]) -> None:
        """fields: of the agent's request, without the files. paths: the variables with the paths of its files."""
        directory, text, words, variables = fields
        os.chdir(directory)
        self.outputs: dict[int, bytes] = {}
        """The read ends of its output pipes, with the letters of their frames."""
        self.exited = False
        self.stopped = False
        self.kill_at = NEVER
        self.drained_by = NEVER
        ends = [standard_input(text)]
        try:
            for letter in (b"1", b"2"):
                # Pipes of the worker's own user, so that it can open them as /dev/stdout and /dev/stderr.
                reader, writer = os.pipe()
                os.set_blocking(reader, False)
                self.outputs[reader] = letter
                ends.append(writer)
            self.pid = spawn(words.split(b"\0"), {**environment(variables), **paths}, ends)
        except BaseException:
            self.close()
            raise
        finally:
            for end in ends:
                os.close(end)
        self.exit = os.pidfd_open(self.pid)

    def look(self) -> None:
        """Checks whether the worker has exited. It is not reaped yet, so that no other process gets its pid."""
        if not self.exited and ready([(self.exit, select.POLLIN)], 0):
            self.exited = True
            self.drained_by = time.monotonic() + DRAIN_SECONDS

    def stop(self, grace_seconds: float) -> None:
        """Sends SIGTERM now, and SIGKILL after the grace period. A worker that has exited does not count as stopped."""
        if self.exited:
            return
        self.stopped = True
        self.kill_at = min(self.kill_at, time.monotonic() + grace_seconds)
        if grace_seconds > 0:
            self.signal(signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Sends a signal to the worker's process group."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def collect(self) -> int:
        """Reaps the worker. Returns its exit status, or the negative number of the signal that ended it."""
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.exit)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        for output in self.outputs:
            os.close(output)
        self.outputs.clear()


def standard_input(text: bytes) -> int:
    """Holds the whole input before the worker starts, in memory only. The worker can open it as /dev/stdin."""
    descriptor = os.memfd_create("stdin")
    try:
        written = 0
        while written < len(text):
            written += os.pwrite(descriptor, text[written:], written)
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def environment(variables: bytes) -> dict[bytes, bytes]:
    pairs = [variable.partition(b"=") for variable in variables.split(b"\0") if variable]
    return {name: value for name, _, value in pairs}


def spawn(words: list[bytes], variables: dict[bytes, bytes], ends: list[int]) -> int:
    """Starts a program in its own session, without forking this process."""
    actions = [(os.POSIX_SPAWN_DUP2, end, target) for target, end in enumerate(ends)]
    try:
        return os.posix_spawn(
            words[0],
            words,
            variables,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=IGNORED,
        )
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # The shell runs a script without an interpreter line, as with execvp(3).
    return spawn([b"/bin/sh", *words], variables, ends)


def why_not_started(error: OSError, fields: list[bytes]) -> bytes:
    directory, program = fields[0], fields[2].split(b"\0", 1)[0]
    name = errno.errorcode.get(error.errno or 0, "error")
    what = f"{name}, {error.strerror}".encode()
    if isinstance(error, NoHome):
        return b"the home %b cannot be created: %b" % (os.fsencode(error.filename), what)
    if isinstance(error, NoFiles):
        return b"the job's files in %b cannot be created: %b" % (os.fsencode(error.filename), what)
    return b"%b in %b: %b" % (program, directory, what)
