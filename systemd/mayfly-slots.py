"""Makes a user and a socket for each slot of the agent. Runs as root before each start of the agent.

    mayfly-slots.py            for as many slots as the agent's configuration names
    mayfly-slots.py --users N  the users alone, as for an image

Users are made here and not by the playbook: an image may be made before anybody knows how many slots a fleet has.
For Python 3.9 and its standard library.
"""

from __future__ import annotations

import json
import pwd
import subprocess
import sys

CONFIG = "/etc/mayfly/agent.json"

GROUP = "mayfly-worker"
"""The group of all slots: what a set-up grants to it is granted to every worker."""

HOME = "/var/tmp/home"
"""In the slot's own /var/tmp: made anew for each job."""

EXPIRED = "1970-01-02"
"""
Units need no account, but whoever asks PAM does: sshd, cron, a systemd of a user's own. In each of them a worker would be
outside of its slot. useradd(8) sets no such date for system users.
"""


def main(options: list[str]) -> int:
    users_only = options[:1] == ["--users"]
    count = int(options[1]) if users_only else configured()
    for number in range(1, count + 1):
        make_user(f"mayfly-slot-{number}", f"Mayfly slot {number}")
    if not users_only:
        sockets = [f"mayfly-slot@{number}.socket" for number in range(1, count + 1)]
        subprocess.run(["systemctl", "start", *sockets], check=True)
    return 0


def configured() -> int:
    """As in agent/config.ts."""
    with open(CONFIG, encoding="utf-8") as file:
        return int(json.load(file).get("concurrency", 1))


def make_user(name: str, comment: str) -> None:
    try:
        pwd.getpwnam(name)
        return
    except KeyError:
        pass
    what = ["--system", "--gid", GROUP, "--home-dir", HOME, "--no-create-home", "--comment", comment]
    subprocess.run(["useradd", *what, "--shell", "/usr/sbin/nologin", name], check=True)
    subprocess.run(["usermod", "--expiredate", EXPIRED, name], check=True)
    print(f"made the user {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
