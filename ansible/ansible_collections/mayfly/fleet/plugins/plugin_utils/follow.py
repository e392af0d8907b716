# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Looking at jobs, once or until they have ended."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import NOT_SENT, checked_result, result_of


def look_at(command: Command, jids: Sequence[str]) -> list[dict[str, Any]]:
    """What is known of each job, in their order.

    :raises CannotRun: it could not be asked; a job that nobody knows is an answer
    """
    known: dict[str, dict[str, Any]] = {}
    asked = [jid for jid in dict.fromkeys(jids) if jid != NOT_SENT]
    if asked:
        answer = command.run("status", "--ansible", ids=asked)
        known = {str(job["ansible_job_id"]): result_of(job) for job in answer.printed}
        if any(jid not in known for jid in asked):
            raise CannotRun(answer.reason)
    return [checked_result() if jid == NOT_SENT else dict(known[jid]) for jid in jids]


def wait_for(
    command: Command, jids: Sequence[str], poll: int, timeout: Optional[int]
) -> list[dict[str, Any]]:
    """The same, when they have ended or `timeout` seconds are over.

    :raises CannotRun: it could not be asked
    """
    asked = [jid for jid in dict.fromkeys(jids) if jid != NOT_SENT]
    sentence = None
    if asked:
        limit = [] if timeout is None else ["--timeout", str(timeout)]
        sentence = command.run("wait", "--json", "--poll", str(poll), *limit, ids=asked).sentence
    jobs = look_at(command, jids)
    for job in jobs:
        if not job["finished"] and not job["failed"]:
            why = sentence or "It goes on; wait for it again, or cancel it."
            job["msg"] = f"It has not ended: it is {job.get('state', 'unknown')}. {why}"
            job["failed"] = True
    return jobs
