"""Creates a user and starts a socket for each slot of the agent. Runs as root before each start of the agent.

    mayfly-slots.py            the number of slots is in the agent's configuration
    mayfly-slots.py --users N  creates N users only, for an image

The playbook does not create the users, because the number of slots may be unknown when an image is built.
For Python 3.9 and its standard library.
"""

from __future__ import annotations

import json
import pwd
import subprocess
import sys

CONFIG = "/etc/mayfly/agent.json"

GROUP = "mayfly-worker"
"""The group of all slots. A set-up grants permissions to all workers through it."""

HOME = "/var/tmp/home"
"""In the slot's private /var/tmp. It is created for each job."""

EXPIRED = "1"
"""
1970-01-02, in the format of shadow(5). An expired account does not affect units, but it keeps PAM services such as
sshd, cron and the systemd of a user from running a worker outside of its slot. useradd(8) does not expire system users.
"""

NO_NUMBER_LEFT = 4
"""useradd(8). Distributions reserve 800 to 900 numbers for system users, and some are in use."""

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
        # The machine may have been switched off between useradd and usermod.
        if expiries.get(name) != EXPIRED:
            subprocess.run(["usermod", "--expiredate", EXPIRED, name], check=True)
    if not users_only:
        sockets = [f"mayfly-slot@{number}.socket" for number in range(1, count + 1)]
        subprocess.run(["systemctl", "start", *sockets], check=True)
    return 0


def configured() -> int:
    """The number of slots. The default is that of agent/config/agent-config.ts."""
    with open(CONFIG, encoding="utf-8") as file:
        return int(json.load(file).get("concurrency", 1))


def account_expiries() -> dict[str, str]:
    """The day on which the account of each user expires (shadow(5))."""
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
    print(f"created the user {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
