"""Directories that are a slot's own, such as its private /tmp."""

from __future__ import annotations

import os
import time


def emptied(directory: str, until: float) -> bool:
    """Removes what lies in it. False when something withstands, or there is too much for the time."""
    try:
        for entry in os.scandir(directory):
            if time.monotonic() > until:
                return False
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
