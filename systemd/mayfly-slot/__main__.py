"""A slot: runs one worker at a time for the agent at the other end of its connection.

systemd starts slot N (mayfly-slot@N.service) when the agent connects to its socket (mayfly-slot@N.socket), with its own
user and its own cgroup. The slot exits when the agent disconnects, or when it cannot remove what a worker left. Then
systemd kills all processes in the cgroup, and starts the slot again at the next connection.

    --own-user           the user belongs to this slot only: its objects in the kernel are removed after each job
    --home DIRECTORY     created as each job's home; has to be in a directory that is emptied
    --scratch DIRECTORY  emptied after each job; may be repeated

For a slot outside of systemd and for tests:

    --files DIRECTORY    created for each job's files, instead of /dev/shm/mayfly
    --cgroup DIRECTORY   the slot's own cgroup
    --any-cgroup         work without a cgroup: only a worker's process group is killed
    --any-network        do not require that the instance's credentials are out of reach

For Python 3.9 and its standard library. It imports few modules, because one such process runs for each slot.
"""

from __future__ import annotations

import os
import select
import socket
import sys

from agent import PROTOCOL, Agent, AgentGone
from cgroup import Cgroup, own_cgroup
from job_files import JobFiles
from leftovers import Leftovers
from polling import ready
from protection import Refusal, hide, refuse_credentials
from slot import Slot

SOCKET = 3
"""sd_listen_fds(3)"""

CONNECTION_SECONDS = 5.0
"""systemd starts a slot when a connection waits. If it has closed meanwhile, the slot exits after this time."""


def main(options: list[str]) -> int:
    descriptor = connection()
    if descriptor is None:
        return 0
    agent = Agent(descriptor)
    try:
        # The agent sends no data of a job before the slot's hello.
        hide()
        cgroup = Cgroup(cgroup_from(options))
        if "--any-network" not in options:
            refuse_credentials()
        home = value(options, "--home")
        files = JobFiles(value(options, "--files"))
        leftovers = Leftovers(values(options, "--scratch"), home, "--own-user" in options)
        # A worker of the slot before this one may have left files.
        if not all([files.remove(), leftovers.remove()]):
            raise Refusal("the files of an earlier worker cannot be removed")
        slot = Slot(agent, cgroup, files, leftovers)
        agent.send(b"H", b"%d" % PROTOCOL, os.fsencode(home or os.environ.get("HOME") or "/"))
        slot.serve()
        return 0
    except AgentGone:
        return 0
    except Refusal as refusal:
        agent.send(b"X", str(refusal).encode())
        print(f"mayfly-slot: {refusal}", file=sys.stderr)
        return 1


def connection() -> int | None:
    """The connection that waits at systemd's socket, or None if it has closed. Without a socket: standard input."""
    for_this = os.environ.get("LISTEN_PID") == str(os.getpid())
    if not for_this or os.environ.get("LISTEN_FDS") != "1":
        return 0
    with socket.socket(fileno=SOCKET) as listening:
        if not ready([(SOCKET, select.POLLIN)], CONNECTION_SECONDS):
            return None
        return listening.accept()[0].detach()


def cgroup_from(options: list[str]) -> str | None:
    given = value(options, "--cgroup")
    return given or (None if "--any-cgroup" in options else own_cgroup())


def value(options: list[str], name: str) -> str | None:
    return next(iter(values(options, name)), None)


def values(options: list[str], name: str) -> list[str]:
    return [value for option, value in zip(options, options[1:]) if option == name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
