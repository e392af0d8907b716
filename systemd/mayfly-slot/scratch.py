"""Empties the private directories of a slot, such as its /tmp."""

from __future__ import annotations

import os
import time


def emptied(directory: str, until: float, kept: str | None = None) -> bool:
    """Removes all entries except `kept`. False if one cannot be removed, or if it takes longer than `until`."""
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
