"""Checks a repository out: once per commit, for all runs that share the directory, read-only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Iterator, Mapping

from mayfly_ansible.config import Config, Repository
from mayfly_ansible.errors import WorkerError
from mayfly_ansible.git import Git
from mayfly_ansible.private_files import PrivateFiles


def check_out(
    repository: Repository, config: Config, environment: Mapping[str, str], files: PrivateFiles
) -> str:
    """Returns the directory with the files of the commit.

    :raises WorkerError: if the repository cannot be read or has no such commit
    """
    base = config.checkouts or _cache(environment)
    url = hashlib.sha256(repository.url.encode()).hexdigest()[:16]
    directory = os.path.join(base, f"{url}-{repository.commit}")
    try:
        os.makedirs(base, exist_ok=True)
        with _locked(f"{directory}.lock"):
            if not os.path.isdir(directory):
                _fill(directory, Git(repository, config, environment, files))
    except OSError as error:
        raise WorkerError(os.EX_CONFIG, f"The playbooks cannot be checked out in {base}: {error}.") from error
    return directory


def _cache(environment: Mapping[str, str]) -> str:
    cache = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "mayfly-ansible")


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """The lock ends with the process, however that ends. Runs of other slots may have another user."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fill(directory: str, git: Git) -> None:
    """The directory appears only when it is complete. What a run that was killed has left is not used."""
    part = tempfile.mkdtemp(prefix=f"{os.path.basename(directory)}.part-", dir=os.path.dirname(directory))
    try:
        git.check_out_into(part)
        _make_read_only(part)
        os.rename(part, directory)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _make_read_only(directory: str) -> None:
    for parent, _, names in os.walk(directory):
        os.chmod(parent, 0o555)
        for path in (os.path.join(parent, name) for name in names):
            if not os.path.islink(path):
                is_program = os.stat(path).st_mode & 0o100 != 0
                os.chmod(path, 0o555 if is_program else 0o444)
