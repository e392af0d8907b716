"""The command line and the environment of `ansible-playbook`."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Mapping

from mayfly_ansible.body import Job
from mayfly_ansible.config import Config
from mayfly_ansible.errors import WorkerError
from mayfly_ansible.private_files import PrivateFiles
from mayfly_ansible.secrets import read_secret
from mayfly_ansible.ssh import write_ssh_config
from mayfly_ansible.unsafe import to_unsafe_yaml

CALLBACKS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "callback_plugins")

CONNECTIONS = "-C -o ControlMaster=auto -o ControlPersist=60s"
"""Ansible's own default of `ssh_args`."""


@dataclass(frozen=True)
class Run:
    """What is run, and where.

    :ivar root: the working directory: that of the playbooks, so that their `ansible.cfg` counts
    :ivar home: a directory of this job alone
    :ivar events: where the callback plugin writes
    """

    job: Job
    config: Config
    root: str
    home: str
    events: str
    files: PrivateFiles
    environment: Mapping[str, str]

    def words(self) -> list[str]:
        """No secret is among them: every user of the machine can read command lines."""
        job = self.job
        playbook, inventory = (self._existing(path) for path in (job.playbook.path, job.playbook.inventory))
        words = [self._program(), f"--inventory={inventory}", f"--limit={job.target}"]
        words += ["--check"] * job.check + ["--diff"] * job.diff
        words += [f"--tags={','.join(job.tags)}"] * bool(job.tags)
        words += [f"--skip-tags={','.join(job.skip_tags)}"] * bool(job.skip_tags)
        if job.extra_vars:
            words.append(
                f"--extra-vars=@{self.files.write('extra-vars.yml', to_unsafe_yaml(job.extra_vars))}"
            )
        if self.config.vault_password is not None:
            password = read_secret(self.config.vault_password, self.environment)
            words.append(f"--vault-password-file={self.files.write('vault-password', password)}")
        return [*words, playbook]

    def variables(self) -> dict[str, str]:
        """The worker's variables, but for the secrets that only the worker reads, and Ansible's settings."""
        secrets = self.config.secret_names()
        own = {name: value for name, value in self.environment.items() if name not in secrets}
        defaults = {
            "LANG": "C.UTF-8",
            "ANSIBLE_CACHE_PLUGIN": "memory",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        }
        if self.config.ansible is not None:
            own["PATH"] = f"{self.config.ansible}:{own.get('PATH', os.defpath)}"
        return {**defaults, **own, **self._settings(own)}

    def _settings(self, own: Mapping[str, str]) -> dict[str, str]:
        """What no `ansible.cfg` may change: each run has its own files, host keys are checked, its end is reported."""
        key = self.config.ssh_key
        ssh = write_ssh_config(self.files, "ansible", key, self.config, self.environment)
        callbacks = [CALLBACKS, *filter(None, [own.get("ANSIBLE_CALLBACK_PLUGINS")])]
        settings = {
            "ANSIBLE_HOME": self.home,
            "ANSIBLE_LOCAL_TEMP": os.path.join(self.home, "tmp"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": os.path.join(self.home, "cp"),
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "ANSIBLE_HOST_KEY_CHECKING": "true",
            "ANSIBLE_SSH_ARGS": f"-F {ssh} -o StrictHostKeyChecking=yes -o ForwardAgent=no "
            + own.get("ANSIBLE_SSH_ARGS", CONNECTIONS),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORCE_COLOR": "false",
            "ANSIBLE_STDOUT_CALLBACK": "mayfly",
            "ANSIBLE_CALLBACK_PLUGINS": ":".join(callbacks),
            "MAYFLY_ANSIBLE_EVENTS": self.events,
        }
        if self.config.ssh_key is not None:
            settings["ANSIBLE_PRIVATE_KEY_FILE"] = os.path.join(self.files.directory, "ansible-key")
        if self.config.remote_user is not None:
            settings["ANSIBLE_REMOTE_USER"] = self.config.remote_user
        return settings

    def _existing(self, path: str) -> str:
        whole = os.path.join(self.root, path)
        if not os.path.exists(whole):
            repository = self.job.playbook.repository
            where = f"{repository.url} at {repository.commit}" if repository else "the worker directory"
            raise WorkerError(os.EX_NOINPUT, f"There is no {path} in {where}.")
        return whole

    def _program(self) -> str:
        path = self.config.ansible or self.environment.get("PATH", os.defpath)
        program = shutil.which("ansible-playbook", path=path)
        if program is None:
            sentence = f"ansible-playbook is not in {path}. The fleet's set-up has to install it"
            raise WorkerError(os.EX_CONFIG, f"{sentence}, or playbooks.json has to name its directory.")
        return program
