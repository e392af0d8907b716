"""The secrets that the owner named, which the agent has put into the environment."""

from __future__ import annotations

import os
from typing import Mapping

from mayfly_ansible.errors import WorkerError


def read_secret(name: str, environment: Mapping[str, str]) -> str:
    """The text of a secret, whether the variable has it or the path of a file with it.

    It ends with a line break, without which OpenSSH refuses a private key.

    :raises WorkerError: if there is no such secret, or if it is empty
    """
    value = environment.get(name, "")
    if os.path.isabs(value) and os.path.isfile(value):
        with open(value, encoding="utf-8") as opened:
            value = opened.read()
    if not value.strip():
        raise WorkerError(
            os.EX_CONFIG, f"The secret {name}, which playbooks.json names, is not set or empty."
        )
    return value if value.endswith("\n") else f"{value}\n"
