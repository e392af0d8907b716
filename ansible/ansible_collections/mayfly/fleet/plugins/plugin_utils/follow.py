# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Looking at jobs, once or until they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence

from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import NOT_SENT, checked_result, result_of


@dataclass(frozen=True)
class Follower:
    """Looks at jobs with a command.

    :ivar max_output: how many bytes of the end of each stream of a job are wanted
    :ivar tell: says what goes on: its kind, such as POLL, and what is known
    """

    command: Command
    max_output: int
    tell: Callable[[str, str], None]

    def look_at(self, jids: Sequence[str]) -> list[dict[str, Any]]:
        """What is known of each job, in their order.

        :raises CannotRun: it could not be asked; a job that nobody knows is an answer
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
        """The same, when they have ended or `timeout` seconds are over. A line tells of them every `poll` seconds.

        :raises CannotRun: it could not be asked
        """
        asked = _sent(jids)
        sentence = None
        if asked:
            limit = [] if timeout is None else ["--timeout", str(timeout)]
            words = ["--json", "--progress", "json", "--poll", str(poll), *limit]
            looks = _Looks(asked, poll, self.tell)
            sentence = self.command.run("wait", *words, ids=asked, on_progress=looks.see).sentence
        jobs = self.look_at(jids)
        for job in jobs:
            if not job["finished"] and not job["failed"]:
                why = sentence or "It goes on; wait for it again, or cancel it."
                job["msg"] = f"It has not ended: it is {job.get('state', 'unknown')}. {why}"
                job["failed"] = True
        if asked:
            self._tell_end(jobs)
        return jobs

    def _tell_end(self, jobs: Sequence[Mapping[str, Any]]) -> None:
        failed = [job for job in jobs if job["failed"]]
        kind = "FAILED" if failed else "OK"
        if len(jobs) == 1:
            self.tell(kind, f"jid={jobs[0]['ansible_job_id']}")
        else:
            self.tell(kind, f"{len(failed)} of {len(jobs)} jobs" if failed else f"{len(jobs)} jobs")


class _Looks:
    """The looks of a command that waits, of which one is told for each interval, as Ansible polls."""

    def __init__(self, jids: Sequence[str], poll: int, tell: Callable[[str, str], None]) -> None:
        self._jids = jids
        self._poll = max(1, poll)
        self._due = self._poll
        self._tell = tell

    def see(self, look: Mapping[str, Any]) -> None:
        seconds = float(look.get("waitedSeconds", 0))
        left = int(look.get("total", 0)) - int(look.get("ended", 0))
        # Their end is told in a line of its own.
        if seconds < self._due or left <= 0:
            return
        self._due = (int(seconds / self._poll) + 1) * self._poll
        self._tell("POLL", self._known(look))

    def _known(self, look: Mapping[str, Any]) -> str:
        running, retrying, ended, failed = (
            int(look.get(name, 0)) for name in ("running", "retrying", "ended", "failed")
        )
        if len(self._jids) == 1:
            return f"jid={self._jids[0]} started={1 if running or retrying else 0} finished=0"
        return f"{ended} of {len(self._jids)} jobs ended, {failed} failed, {running} running"


def _sent(jids: Sequence[str]) -> Sequence[str]:
    """Each id once, and none of check mode's."""
    return [jid for jid in dict.fromkeys(jids) if jid != NOT_SENT]
