"""A slot: runs one worker at a time, for the agent at the other end of its connection.

systemd starts one of these for each connection to mayfly-slot.socket, as the workers' user and in a cgroup of its
own (mayfly-slot@.service). It exits when the agent has gone, or when a worker left something that withstands it;
systemd then kills whatever is left in the cgroup.

Options, for a slot outside of systemd and for tests:

    --scratch DIRECTORY  emptied after each job; may be repeated
    --cgroup DIRECTORY   taken for the slot's own cgroup
    --any-cgroup         go without one: only a worker's process group is ended then
    --any-network        do not insist that the instance's credentials are out of reach

For Python 3.9 and its standard library. It imports little: one of these starts for each slot, and stays.
"""

from __future__ import annotations

import os
import sys

from agent import PROTOCOL, Agent, AgentGone
from cgroup import Cgroup, own_cgroup
from protection import Refusal, hide, refuse_credentials
from slot import Slot


def main(options: list[str]) -> int:
    agent = Agent(connection())
    try:
        hide()
        cgroup = Cgroup(cgroup_from(options))
        if "--any-network" not in options:
            refuse_credentials()
        slot = Slot(agent, cgroup, values(options, "--scratch"))
        agent.send(b"H", b"%d" % PROTOCOL, os.fsencode(os.environ.get("HOME", "/")))
        slot.serve()
        return 0
    except AgentGone:
        return 0
    except Refusal as refusal:
        agent.send(b"X", str(refusal).encode())
        print(f"mayfly-slot: {refusal}", file=sys.stderr)
        return 1


def connection() -> int:
    """As systemd passes it, else standard input."""
    for_this = os.environ.get("LISTEN_PID") == str(os.getpid())
    return 3 if for_this and os.environ.get("LISTEN_FDS") == "1" else 0


def cgroup_from(options: list[str]) -> str | None:
    for given in values(options, "--cgroup"):
        return given
    return None if "--any-cgroup" in options else own_cgroup()


def values(options: list[str], name: str) -> list[str]:
    return [value for option, value in zip(options, options[1:]) if option == name]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
