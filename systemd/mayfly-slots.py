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

EXPIRED = "1"
"""
1970-01-02, as shadow(5) has it. Units need no account, but whoever asks PAM does: sshd, cron, a systemd of a user's own. In
each of them a worker would be outside of its slot. useradd(8) sets no such date for system users.
"""

NO_NUMBER_LEFT = 4
"""useradd(8). Distributions have 800 to 900 numbers for users of the system, and some are taken."""

MORE_NUMBERS = ["--key", "SYS_UID_MIN=50000", "--key", "SYS_UID_MAX=59999"]


def main(options: list[str]) -> int:
    users_only = options[:1] == ["--users"]
    count = int(options[1]) if users_only else configured()
    users = {user.pw_name for user in pwd.getpwall()}
    expiries = account_expiries()
    for number in range(1, count + 1):
        name = f"mayfly-slot-{number}"
        if name not in users:
            make_user(name, f"Mayfly slot {number}")
        # A machine may have been switched off between the two.
        if expiries.get(name) != EXPIRED:
            subprocess.run(["usermod", "--expiredate", EXPIRED, name], check=True)
    if not users_only:
        sockets = [f"mayfly-slot@{number}.socket" for number in range(1, count + 1)]
        subprocess.run(["systemctl", "start", *sockets], check=True)
    return 0


def configured() -> int:
    """As in agent/config/agent-config.ts."""
    with open(CONFIG, encoding="utf-8") as file:
        return int(json.load(file).get("concurrency", 1))


def account_expiries() -> dict[str, str]:
    """The day on which the account of each user of this machine expires (shadow(5))."""
    with open("/etc/shadow", encoding="utf-8") as file:
        return {fields[0]: fields[7] for fields in (line.split(":") for line in file) if len(fields) > 7}


def make_user(name: str, comment: str) -> None:
    what = ["--system", "--gid", GROUP, "--home-dir", HOME, "--no-create-home", "--comment", comment]
    command = ["useradd", *what, "--shell", "/usr/sbin/nologin", name]
    status = subprocess.run(command).returncode
    if status == NO_NUMBER_LEFT:
        subprocess.run([*command, *MORE_NUMBERS], check=True)
    elif status != 0:
        raise subprocess.CalledProcessError(status, command)
    print(f"made the user {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
