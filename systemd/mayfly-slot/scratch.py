"""Directories that are a slot's own, such as its private /tmp."""

from __future__ import annotations

import os
import time


def emptied(directory: str, until: float, kept: str | None = None) -> bool:
    """Removes what lies in it, but for the path to be kept. False when something withstands, or there is too much for the time."""
    try:
        if not os.listdir(directory):
            return True
        for entry in os.scandir(directory):
            if time.monotonic() > until:
                return False
            if entry.path == kept:
                continue
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                if not emptied(entry.path, until):
                    return False
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)
        return True
    except (OSError, RecursionError):
        return False
