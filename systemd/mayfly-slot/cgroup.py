"""The cgroup of a slot and its worker: its processes, and whether memory ran out (cgroup v2)."""

from __future__ import annotations

import os
import signal
import time

from protection import Refusal

EMPTYING_SECONDS = 2.0
"""How long to kill processes again and again. A worker that forks faster than that is killed by systemd."""

READ_BYTES = 65_536


class Cgroup:
    """Without a directory it counts as empty, and its memory never runs out."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._processes = self._open("cgroup.procs")
        self.memory_events = self._open("memory.events")
        """For poll(2) with POLLPRI. None without the memory controller of cgroup v2."""

    def _open(self, name: str) -> int | None:
        if self._directory is None:
            return None
        try:
            return os.open(os.path.join(self._directory, name), os.O_RDONLY)
        except FileNotFoundError:
            return None

    def others(self) -> list[int]:
        """All processes in it except this one."""
        if self._processes is None:
            return []
        own = os.getpid()
        text = b""
        while chunk := os.pread(self._processes, READ_BYTES, len(text)):
            text += chunk
        return [pid for pid in map(int, text.split()) if pid != own]

    def kill(self) -> None:
        for pid in self.others():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def empty(self) -> bool:
        """Kills all processes in it except this one. False if some cannot be killed in time."""
        until = time.monotonic() + EMPTYING_SECONDS
        while self.others():
            self.kill()
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True

    def memory_kills(self) -> int:
        """How many of its processes the kernel has killed because memory ran out ("memory.events", oom_kill)."""
        if self.memory_events is None:
            return 0
        for line in os.pread(self.memory_events, READ_BYTES, 0).splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
        return 0

    def memory_limit(self) -> bytes:
        """In bytes, or `max`."""
        with open(os.path.join(self._directory or "", "memory.max"), "rb") as file:
            return file.read().strip()


def own_cgroup() -> str:
    """The directory of this process's cgroup. Raises Refusal if other processes are in it."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        paths = [line[3:].rstrip("\n") for line in file if line.startswith("0::")]
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file if " - cgroup2 " in line]
    if not paths or not mounts:
        raise Refusal("this machine has no cgroup v2, so processes that a worker leaves could not be killed")
    directory = mounts[0] + paths[0]
    others = len(Cgroup(directory).others())
    if others:
        raise Refusal(f"the cgroup {paths[0]} is not the slot's own: it has {others} other processes")
    return directory


def own_memory_score() -> int:
    """0 unless the unit sets OOMScoreAdjust."""
    with open("/proc/self/oom_score_adj", "rb") as file:
        return int(file.read())


def reset_memory_score(pid: int) -> None:
    """Lets the kernel kill a worker before the slot when memory runs out. The worker has inherited the slot's score."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "wb") as file:
            file.write(b"0")
    except OSError:
        # The worker has ended already, or its program may not be read.
        pass
