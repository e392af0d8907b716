"""What OpenSSH is told, for Ansible's connections and for Git."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from mayfly_ansible.config import Config
from mayfly_ansible.errors import WorkerError
from mayfly_ansible.private_files import PrivateFiles
from mayfly_ansible.secrets import read_secret


def write_ssh_config(
    files: PrivateFiles, name: str, key: Optional[str], config: Config, environment: Mapping[str, str]
) -> str:
    """Writes a configuration of OpenSSH. `ProxyJump` passes it on to the jump host, which options would not be.

    :param key: names the secret with the private key
    :returns: its path
    """
    lines = ["Host *", "  StrictHostKeyChecking yes", "  ForwardAgent no"]
    if key is not None:
        path = files.write(f"{name}-key", read_secret(key, environment))
        lines += [f"  IdentityFile {path}", "  IdentitiesOnly yes", "  IdentityAgent none"]
    if config.known_hosts is not None:
        hosts = files.write(f"{name}-known-hosts", _known_hosts(config.known_hosts, environment))
        lines += [f"  UserKnownHostsFile {hosts}", "  GlobalKnownHostsFile /dev/null"]
    # OpenSSH takes the first value of an option.
    return files.write(f"{name}-ssh-config", "\n".join([*lines, "Include /etc/ssh/ssh_config", ""]))


def _known_hosts(named: str, environment: Mapping[str, str]) -> str:
    if named in environment:
        return read_secret(named, environment)
    try:
        with open(named, encoding="utf-8") as opened:
            return opened.read()
    except OSError as error:
        sentence = f"The known hosts {named} are neither a secret nor a file of the worker directory"
        raise WorkerError(os.EX_CONFIG, f"{sentence}: {error.strerror}.") from error
