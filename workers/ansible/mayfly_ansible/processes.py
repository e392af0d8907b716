"""Ends what a job has started."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Optional

PR_SET_CHILD_SUBREAPER = 36

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL. The agent's own grace period is 10 seconds by default."""

GIVE_UP_SECONDS = 2.0
"""After the first SIGKILL. A process of another user, such as what sudo started, cannot be ended from here."""

POLL_SECONDS = 0.02


def adopt_orphans() -> None:
    """From now on a process whose parent has ended becomes this process's child, so that none is lost sight of.

    Ansible starts its workers in sessions of their own, and OpenSSH's connections go on in the background.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Sends SIGTERM to all processes that this one has started, directly or not, later SIGKILL. Waits for them."""
    kill_at = time.monotonic() + GRACE_SECONDS
    told: set[int] = set()
    while True:
        _reap()
        left = _descendants(os.getpid())
        now = time.monotonic()
        if not left or now > kill_at + GIVE_UP_SECONDS:
            return
        is_late = now >= kill_at
        for pid in left if is_late else left - told:
            _signal(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        told |= left
        time.sleep(POLL_SECONDS)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _descendants(ancestor: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        parent = _parent(name) if name.isdigit() else None
        if parent is not None:
            children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def _parent(pid: str) -> Optional[int]:
    """None: it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as opened:
            # After the program's name, which can have spaces and parentheses: state, parent.
            return int(opened.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
