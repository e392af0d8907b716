"""Fetches a commit of a repository."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Mapping, Optional
from urllib.parse import urlsplit

from mayfly_ansible.config import Config, Repository
from mayfly_ansible.errors import WorkerError
from mayfly_ansible.private_files import PrivateFiles, private_directory
from mayfly_ansible.secrets import read_secret
from mayfly_ansible.ssh import write_ssh_config

DEFAULT_USER = "git"
"""For a token. GitHub and GitLab take any name. Where one is needed, the URL has it."""

MOST_QUOTED = 1000
"""Characters of an error message of Git."""


class Git:
    """Reads one repository. Neither the user's nor the machine's configuration of Git counts, and no hook runs."""

    def __init__(
        self, repository: Repository, config: Config, environment: Mapping[str, str], files: PrivateFiles
    ) -> None:
        self._url = repository.url
        self._commit = repository.commit
        self._options = ["-c", "transfer.fsckObjects=true"]
        self._environment = {
            **{key: value for key, value in environment.items() if key not in config.secret_names()},
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "https:ssh:file",
            "LC_ALL": "C.UTF-8",
        }
        if repository.is_ssh:
            ssh = write_ssh_config(files, "git", repository.auth, config, environment)
            self._environment["GIT_SSH_COMMAND"] = f"ssh -o BatchMode=yes -F {shlex.quote(ssh)}"
        elif repository.auth is not None:
            self._options += _token_options(repository.url, read_secret(repository.auth, environment), files)

    def check_out_into(self, directory: str) -> None:
        """Writes the files of the commit.

        :raises WorkerError: if the repository cannot be read or has no such commit
        """
        with private_directory() as store:
            self._run(store, "init", "--quiet", "--bare", "--template=")
            problem = self._fetch(store)
            if self._run(store, "cat-file", "-e", f"{self._commit}^{{commit}}") is not None:
                raise self._missing(problem)
            # Not "-- .", which an empty commit does not have.
            work_tree = f"--work-tree={directory}"
            problem = self._run(store, work_tree, "checkout", "--quiet", "--force", "--detach", self._commit)
        if problem is not None:
            sentence = f"The commit {self._commit} of {self._url} cannot be checked out"
            raise WorkerError(os.EX_UNAVAILABLE, f"{sentence}: {problem}")

    def _fetch(self, store: str) -> Optional[str]:
        """Returns why the repository cannot be read. Not all servers give a commit that is not the end of a branch."""
        fetch = ["fetch", "--quiet", "--no-tags"]
        if self._run(store, *fetch, "--depth=1", "--", self._url, self._commit) is None:
            return None
        return self._run(store, *fetch, "--", self._url, "+refs/*:refs/*")

    def _missing(self, problem: Optional[str]) -> WorkerError:
        if problem is None:
            return WorkerError(os.EX_NOINPUT, f"The repository {self._url} has no commit {self._commit}.")
        return WorkerError(os.EX_UNAVAILABLE, f"The repository {self._url} cannot be read: {problem}")

    def _run(self, store: str, *words: str) -> Optional[str]:
        """Returns what Git says when it fails."""
        command = ["git", f"--git-dir={store}", *self._options, *words]
        try:
            run = subprocess.run(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError as error:
            raise WorkerError(
                os.EX_CONFIG, "Git is not installed. The fleet's set-up has to do it."
            ) from error
        if run.returncode == 0:
            return None
        said = run.stderr.decode("utf-8", "replace").strip()
        return said[-MOST_QUOTED:] or f"git {words[0]} ended with status {run.returncode}"


def _token_options(url: str, token: str, files: PrivateFiles) -> list[str]:
    """Git asks the helper for this server alone, also after a redirect to another one."""
    parts = urlsplit(url)
    user = parts.username or DEFAULT_USER
    answer = files.write("git-credentials", f"username={user}\npassword={token}")
    helper = f'!f() {{ test "$1" = get && cat {shlex.quote(answer)}; }}; f'
    server = f"https://{parts.netloc.rpartition('@')[2]}"
    return ["-c", f"credential.{server}.helper={helper}"]
