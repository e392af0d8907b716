# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Gets the status of jobs, once or until they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence

from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import NOT_SENT, checked_result, result_of


@dataclass(frozen=True)
class Follower:
    """Gets the status of jobs with the command.

    :ivar max_output: how many bytes of the end of each output stream are returned
    :ivar report: prints progress: its kind, such as POLL, and what is known
    """

    command: Command
    max_output: int
    report: Callable[[str, str], None]

    def look_at(self, jids: Sequence[str]) -> list[dict[str, Any]]:
        """The result of each job, in their order.

        :raises CannotRun: the fleet could not be reached. An unknown job is a result
        """
        known: dict[str, dict[str, Any]] = {}
        asked = _sent(jids)
        if asked:
            answer = self.command.run("status", "--ansible", "--max-output", str(self.max_output), ids=asked)
            known = {str(job["ansible_job_id"]): result_of(job) for job in answer.printed}
            if any(jid not in known for jid in asked):
                raise CannotRun(answer.reason)
        return [checked_result() if jid == NOT_SENT else dict(known[jid]) for jid in jids]

    def wait_for(self, jids: Sequence[str], poll: int, timeout: Optional[int]) -> list[dict[str, Any]]:
        """The same, when they have ended or after `timeout` seconds. Prints a line every `poll` seconds.

        :raises CannotRun: the fleet could not be reached
        """
        asked = _sent(jids)
        sentence = None
        if asked:
            limit = [] if timeout is None else ["--timeout", str(timeout)]
            words = ["--json", "--progress", "json", "--poll", str(poll), *limit]
            lines = _PollLines(asked, poll, self.report)
            sentence = self.command.run("wait", *words, ids=asked, on_progress=lines.update).sentence
        jobs = self.look_at(jids)
        for job in jobs:
            if not job["finished"] and not job["failed"]:
                why = sentence or "It goes on; wait for it again, or cancel it."
                job["msg"] = f"It has not ended: it is {job.get('state', 'unknown')}. {why}"
                job["failed"] = True
        if asked:
            self._report_end(jobs)
        return jobs

    def _report_end(self, jobs: Sequence[Mapping[str, Any]]) -> None:
        failed = [job for job in jobs if job["failed"]]
        kind = "FAILED" if failed else "OK"
        if len(jobs) == 1:
            self.report(kind, f"jid={jobs[0]['ansible_job_id']}")
        else:
            self.report(kind, f"{len(failed)} of {len(jobs)} jobs" if failed else f"{len(jobs)} jobs")


class _PollLines:
    """Prints one line per interval, like Ansible's polling, from the progress of a command that waits."""

    def __init__(self, jids: Sequence[str], poll: int, report: Callable[[str, str], None]) -> None:
        self._jids = jids
        self._poll = max(1, poll)
        self._due = self._poll
        self._report = report

    def update(self, progress: Mapping[str, Any]) -> None:
        seconds = float(progress.get("waitedSeconds", 0))
        left = int(progress.get("total", 0)) - int(progress.get("ended", 0))
        # The end of the jobs has its own line.
        if seconds < self._due or left <= 0:
            return
        self._due = (int(seconds / self._poll) + 1) * self._poll
        self._report("POLL", self._known(progress))

    def _known(self, progress: Mapping[str, Any]) -> str:
        running, retrying, ended, failed = (
            int(progress.get(name, 0)) for name in ("running", "retrying", "ended", "failed")
        )
        if len(self._jids) == 1:
            return f"jid={self._jids[0]} started={1 if running or retrying else 0} finished=0"
        return f"{ended} of {len(self._jids)} jobs ended, {failed} failed, {running} running"


def _sent(jids: Sequence[str]) -> Sequence[str]:
    """Each id once, without those of check mode."""
    return [jid for jid in dict.fromkeys(jids) if jid != NOT_SENT]
