"""Directories and files that only this job can read, and that are gone when it has ended."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Iterator, Optional

MEMORY = "/dev/shm"


class PrivateFiles:
    """Files in a directory in memory, with mode 0400."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> str:
        """Returns the path."""
        path = os.path.join(self.directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with open(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        return path


@contextmanager
def private_files() -> Iterator[PrivateFiles]:
    base = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else None
    with private_directory(base) as directory:
        yield PrivateFiles(directory)


@contextmanager
def private_directory(base: Optional[str] = None) -> Iterator[str]:
    """A directory of mode 0700.

    :param base: where; by default as TMPDIR says
    """
    directory = tempfile.mkdtemp(prefix="mayfly-ansible-", dir=base)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
