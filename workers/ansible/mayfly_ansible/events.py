"""Reads what the callback plugin tells: one JSON object a line."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Optional


@dataclass
class Events:
    """What the callback plugin has written.

    :ivar plays: how many began, also those without hosts
    :ivar unmatched: how many of them have no host
    :ivar task: the last that began
    :ivar failed: the last that failed, also if a block rescued it
    :ivar recap: the numbers of the target; None: the run did not get there
    :ivar refused: why the plugin ended the run
    """

    plays: int = 0
    unmatched: int = 0
    task: Optional[dict[str, Any]] = None
    failed: Optional[dict[str, Any]] = None
    recap: Optional[dict[str, int]] = None
    refused: Optional[str] = None


def read_events(file: str, root: str) -> Events:
    """Reads what is there so far.

    :param root: paths below it are shown relative to it
    """
    events = Events()
    if not os.path.exists(file):
        return events
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    # A run that was killed may have left half a line.
    for line in text.split("\n")[:-1]:
        told = json.loads(line)
        event = told.pop("event")
        if event == "play":
            events.plays += 1
        elif event == "no-hosts":
            events.unmatched += 1
        elif event == "task":
            events.task = _relative(told, root)
        elif event == "failed":
            events.failed = _relative(told, root)
        elif event == "recap":
            events.recap = told["recap"]
        elif event == "refused":
            events.refused = told["reason"]
    return events


def _relative(place: dict[str, Any], root: str) -> dict[str, Any]:
    file = place["file"]
    return {**place, "file": file[len(root) + 1 :] if file.startswith(f"{root}/") else file}
