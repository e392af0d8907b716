"""The cgroup that a slot and its worker share: what is in it, and whether memory ran out (cgroup v2)."""

from __future__ import annotations

import os
import signal
import time

from protection import Refusal

EMPTYING_SECONDS = 2.0
"""For killed processes to be gone. A worker that forks as fast as it can is ended within it, or by systemd."""

READ_BYTES = 65_536


class Cgroup:
    """Without a directory it is always empty, and its memory never runs out."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._processes = self._open("cgroup.procs")
        self.memory_events = self._open("memory.events")
        """To be polled with POLLPRI. None without cgroup v2's memory controller."""

    def _open(self, name: str) -> int | None:
        if self._directory is None:
            return None
        try:
            return os.open(os.path.join(self._directory, name), os.O_RDONLY)
        except FileNotFoundError:
            return None

    def others(self) -> list[int]:
        """Processes in it beside this one."""
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
        """Kills all in it beside this process. False when something withstands."""
        until = time.monotonic() + EMPTYING_SECONDS
        while self.others():
            self.kill()
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True

    def memory_kills(self) -> int:
        """Processes of it that the kernel killed because memory ran out, so far ("memory.events", oom_kill)."""
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
    """Directory of this process's cgroup. Raises Refusal unless nobody else is in it."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        paths = [line[3:].rstrip("\n") for line in file if line.startswith("0::")]
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file if " - cgroup2 " in line]
    if not paths or not mounts:
        raise Refusal("there is no cgroup v2 here, so that nothing would hold what a worker leaves behind")
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
    """When memory runs out a worker goes before the slot, whose score it inherited."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "wb") as file:
            file.write(b"0")
    except OSError:
        # It has ended already, or is a program that may not be read.
        pass
