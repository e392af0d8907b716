"""The result of a job: a file that the agent puts into the job's record."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional

from mayfly_ansible.outcome import Outcome

MOST_BYTES = 4096
"""The agent keeps no longer result."""

TEXT_LIMITS = (2000, 600, 120)
"""Characters of each text, tried in this order."""


def write_result(path: Optional[str], outcome: Outcome) -> None:
    """:param path: MAYFLY_RESULT; None: nobody asked for a result"""
    if path is None:
        return
    with open(path, "wb") as opened:
        opened.write(format_result(outcome))


def format_result(outcome: Outcome) -> bytes:
    whole: dict[str, Any] = {"status": outcome.status}
    if outcome.recap is not None:
        whole["recap"] = outcome.recap
    if outcome.failed_task is not None:
        whole["failedTask"] = outcome.failed_task
    if outcome.message is not None:
        whole["message"] = outcome.message
    for limit in TEXT_LIMITS:
        text = json.dumps(_shortened(whole, limit), ensure_ascii=False).encode("utf-8", "replace")
        if len(text) <= MOST_BYTES:
            break
    return text


def _shortened(value: object, limit: int) -> object:
    if isinstance(value, Mapping):
        return {key: _shortened(item, limit) for key, item in value.items()}
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]} ..."
    return value
