"""The owner's configuration: `playbooks.json`, which the construct writes beside the program."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlsplit

from mayfly_ansible.errors import WorkerError
from mayfly_ansible.fields import Fields, read_json

PATH = r"(?!-)(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\0-\x1f]+"
"""Stays below the directory that it is relative to, and is no option of a command line."""

VARIABLE = r"(?!ansible_)[A-Za-z_][A-Za-z0-9_]*"
"""`ansible_...` variables choose how Ansible connects and which programs it runs. No producer may set them."""

SECRET = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True)
class Repository:
    """A Git repository at a commit.

    :ivar auth: names the secret that it is read with: a token for https, a private key for ssh
    """

    url: str
    commit: str
    auth: Optional[str]

    @property
    def is_ssh(self) -> bool:
        return not self.url.startswith(("https://", "file://"))


@dataclass(frozen=True)
class Playbook:
    """A playbook that jobs may name.

    :ivar path: of the playbook, in the repository; without one in the worker directory
    :ivar inventory: a file or a directory, in the same place
    :ivar extra_vars: the extra variables that a job may set
    """

    name: str
    path: str
    inventory: str
    extra_vars: tuple[str, ...]
    repository: Optional[Repository]


@dataclass(frozen=True)
class Config:
    """What the owner has set. Secrets are named here, and are in the environment.

    :ivar ansible: the directory of `ansible-playbook`; None: it is on the PATH
    :ivar known_hosts: the name of a secret, or a path in the worker directory
    :ivar checkouts: where repositories are checked out; None: in the cache of the worker's user
    """

    playbooks: dict[str, Playbook]
    ansible: Optional[str]
    ssh_key: Optional[str]
    known_hosts: Optional[str]
    vault_password: Optional[str]
    remote_user: Optional[str]
    checkouts: Optional[str]

    def secret_names(self) -> set[str]:
        """The variables that only this worker reads. Ansible does not get them."""
        repositories = [one.repository for one in self.playbooks.values()]
        auths = [one.auth for one in repositories if one is not None]
        names = [self.ssh_key, self.known_hosts, self.vault_password, *auths]
        return {name for name in names if name is not None}


def read_config(file: str) -> Config:
    """Reads `playbooks.json`.

    :raises WorkerError: with the key and what is allowed
    """
    try:
        with open(file, "rb") as opened:
            text = opened.read()
    except OSError as error:
        raise WorkerError(os.EX_CONFIG, f"{file} cannot be read: {error.strerror}.") from error
    return parse_config(text)


def parse_config(text: bytes) -> Config:
    fields = Fields(read_json(text, "playbooks.json", os.EX_CONFIG), "playbooks.json", os.EX_CONFIG)
    playbooks = {name: _playbook(name, value) for name, value in fields.objects("playbooks").items()}
    config = Config(
        playbooks=playbooks,
        ansible=fields.optional("ansible", r"/[^\0:]*", "an absolute path"),
        ssh_key=fields.optional("sshKey", SECRET, "the name of a secret"),
        known_hosts=fields.optional("knownHosts", PATH, "the name of a secret, or a path"),
        vault_password=fields.optional("vaultPassword", SECRET, "the name of a secret"),
        remote_user=fields.optional("remoteUser", r"(?!-)\S+", "the name of a user"),
        checkouts=fields.optional("checkouts", r"/[^\0]*", "an absolute path"),
    )
    fields.end()
    return config


def _playbook(name: str, value: object) -> Playbook:
    fields = Fields(value, f"The playbook {name} in playbooks.json", os.EX_CONFIG)
    inside = "a path below the directory of the playbooks, without .."
    playbook = Playbook(
        name=name,
        path=fields.text("path", PATH, inside),
        inventory=fields.text("inventory", PATH, inside),
        extra_vars=fields.texts("extraVars", VARIABLE, "a list of names of variables, none in ansible_"),
        repository=_repository(fields),
    )
    fields.end()
    return playbook


def _repository(fields: Fields) -> Optional[Repository]:
    if not fields.has("repository"):
        return None
    url = fields.text("repository")
    allowed = _url_problem(url)
    if allowed is not None:
        raise fields.wrong("repository", allowed)
    commit = fields.text("commit", r"[0-9a-f]{40}", "a commit: 40 hexadecimal digits")
    auth = fields.optional("auth", SECRET, "the name of a secret")
    return Repository(url=url, commit=commit, auth=auth)


def _url_problem(url: str) -> Optional[str]:
    """What is allowed, if the URL is not. `git` would run a program for a URL like ext::..."""
    if re.fullmatch(r"(?!-)[\w.-]+@[\w.-]+:(?!-)[^\s:]+", url, re.ASCII):
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("https", "ssh", "file") or re.search(r"\s", url):
        return "a URL that begins with https://, ssh:// or file://, or user@host:path"
    if parts.password is not None:
        return "a URL without a password; a secret has it, which `auth` names"
    return None
