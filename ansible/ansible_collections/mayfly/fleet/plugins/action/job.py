# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""See plugins/modules/job.py."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from ansible import constants as C  # type: ignore[import]
from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.fleet_action import MAX_OUTPUT, FleetAction
from ansible_collections.mayfly.fleet.plugins.plugin_utils.follow import Follower
from ansible_collections.mayfly.fleet.plugins.plugin_utils.job_lines import (
    IS_NULL,
    for_this_task,
    job_lines,
    lines_file,
    sent_jobs,
)
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import (
    checked_result,
    many,
    queued_result,
    result_of_all,
    unsent_result,
)

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "async": {"type": "int"},
    "delay": {"type": "int"},
    "dedupe": {"type": "str", "no_log": False},
    "label": {"type": "str"},
    "group": {"type": "str"},
    "target": {"type": "str"},
}

IDS_PER_LINE = 100
NO_LIST = "is null: write [] to send nothing."


class ActionModule(FleetAction):
    """Sends jobs, and waits for them unless `poll` is 0."""

    OPTIONS = {
        "body": {"type": "raw"},
        "bodies": {"type": "list", "elements": "raw"},
        "jobs": {
            "type": "list",
            "elements": "dict",
            "options": {"body": {"type": "raw", "required": True}, **SETTINGS},
        },
        "poll": {"type": "int"},
        "timeout": {"type": "int"},
        "journal": {"type": "path"},
        **MAX_OUTPUT,
        **SETTINGS,
    }
    RULES = {
        "mutually_exclusive": [("body", "bodies", "jobs"), ("bodies", "dedupe"), ("jobs", "dedupe")],
        "required_one_of": [("body", "bodies", "jobs")],
    }

    def refusal(self) -> Optional[str]:
        given = self._task.args
        nulls = [name for name in ("body", "bodies", "jobs") if name in given and given[name] is None]
        return f"The option {nulls[0]} {IS_NULL if nulls[0] == 'body' else NO_LIST}" if nulls else None

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        try:
            lines = job_lines(options)
        except ValueError as error:
            raise CannotRun(str(error)) from error
        alone = options["body"] is not None
        poll = _poll_of(options)
        if self._task.check_mode:
            return {"changed": bool(lines), **_unsent(len(lines), poll > 0, alone)}
        sent, problem = _send(command, lines, options["journal"])
        queued = [queued_result(job, lines[at]) for at, job in enumerate(sent) if job is not None]
        result = {"changed": any(not job["deduplicated"] for job in queued)}
        self._report_sent([job["ansible_job_id"] for job in queued])
        if problem is not None:
            unsent = [at for at, job in enumerate(sent) if job is None]
            places = [at for at, job in enumerate(sent) if job is not None]
            return {**self.failure(problem), **result, **many(queued, places), "unsent": unsent}
        if poll <= 0 or not queued:
            return {**result, **_together(queued, alone)}
        jids = [job["ansible_job_id"] for job in queued]
        try:
            follower = Follower(command, options["max_output"], self.report)
            ended = follower.wait_for(jids, poll, options["timeout"])
        except CannotRun as error:
            message = f"The jobs were sent, but their status is not known: {error}"
            return {**self.failure(message), **result, **_together(queued, alone), "failed": True}
        for job, one in zip(ended, queued):
            job["deduplicated"] = one["deduplicated"]
        return {**result, **(ended[0] if alone else result_of_all(ended))}

    def _report_sent(self, jids: Sequence[str]) -> None:
        """Prints the ids, because a task that is interrupted has no result."""
        for start in range(0, len(jids), IDS_PER_LINE):
            self.report("SENT", f"jid={','.join(jids[start : start + IDS_PER_LINE])}")


def _poll_of(options: Mapping[str, Any]) -> int:
    """How often to poll, in seconds; 0: not at all. The rules are those of Ansible for `async` and `poll` of a task."""
    configured = int(C.DEFAULT_POLL_INTERVAL)
    poll = configured if options["poll"] is None else int(options["poll"])
    return poll if poll > 0 or options["async"] != 0 else max(1, configured)


def _send(
    command: Command, lines: Sequence[Mapping[str, Any]], journal: Optional[str]
) -> tuple[Sequence[Optional[Mapping[str, Any]]], Optional[str]]:
    """Returns the job of each line or None, and why not all were sent."""
    if not lines:
        return [], None
    kept = [] if journal is None else ["--journal", journal]
    with lines_file(lines) as file:
        answer = command.run("enqueue", "--json-lines", "--json", "--file", file, *kept)
    sent = sent_jobs(answer.printed, len(lines))
    if answer.status == 0 and None not in sent:
        return sent, None
    how = "" if journal is None else f" The sent jobs are in {journal}: the same task sends the rest."
    return sent, for_this_task(answer.reason, file) + how


def _together(jobs: Sequence[dict[str, Any]], alone: bool) -> dict[str, Any]:
    return dict(jobs[0]) if alone else many(jobs)


def _unsent(count: int, waits: bool, alone: bool) -> dict[str, Any]:
    """In check mode: what the task would return, as far as that is known."""
    if not waits:
        return _together([unsent_result() for _ in range(count)], alone)
    jobs = [{**checked_result(), "deduplicated": False} for _ in range(count)]
    return jobs[0] if alone else result_of_all(jobs)
