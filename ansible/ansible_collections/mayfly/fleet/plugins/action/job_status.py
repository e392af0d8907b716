# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""See plugins/modules/job_status.py."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleActionFail  # type: ignore[import]
from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.fleet_action import MAX_OUTPUT, FleetAction
from ansible_collections.mayfly.fleet.plugins.plugin_utils.follow import Follower
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import NOT_SENT

Look = Callable[[], dict[str, Any]]


class ActionModule(FleetAction):
    """Returns the status of one job, cancels it, retries it, or removes its record, log and body."""

    OPTIONS = {
        "jid": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["status", "cancel", "retry", "cleanup"], "default": "status"},
        "force": {"type": "bool", "default": False},
        **MAX_OUTPUT,
    }
    UNDONE = {
        "started": False,
        "finished": False,
        "rc": None,
        "stdout": "",
        "stdout_lines": [],
        "stderr": "",
        "stderr_lines": [],
    }

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        jid = options["jid"]
        follower = Follower(command, options["max_output"], self.report)

        def look() -> dict[str, Any]:
            return follower.look_at([jid])[0]

        mode = "status" if jid == NOT_SENT else options["mode"]
        if mode == "cancel":
            return self._cancel(command, jid, look)
        if mode == "retry":
            return self._retry(command, jid, follower)
        if mode == "cleanup":
            return self._clean_up(command, jid, look, options["force"])
        return self._status(look())

    def _status(self, job: dict[str, Any]) -> dict[str, Any]:
        if _is_unknown(job) and self._task.until and not self._task.failed_when:
            raise self._unknown(job)
        return {"changed": False, **job}

    def _unknown(self, job: dict[str, Any]) -> AnsibleActionFail:
        """Ends an `until`: an id that is unknown now will not be known later."""
        end = AnsibleActionFail(job["msg"], result={"changed": False, **job})
        # Up to ansible-core 2.18 the result has the traceback.
        end.result.pop("exception", None)
        return end

    def _cancel(self, command: Command, jid: str, look: Look) -> dict[str, Any]:
        if self._task.check_mode:
            job = look()
            return {**job, **_judged(job), "changed": not job["finished"] and not _is_unknown(job)}
        answer = command.run("cancel", "--json", ids=[jid])
        if not answer.printed:
            raise CannotRun(answer.reason)
        changed = answer.printed[0].get("outcome") in ("cancelled", "requested")
        job = look()
        return {**job, **_judged(job), "changed": changed}

    def _retry(self, command: Command, jid: str, follower: Follower) -> dict[str, Any]:
        if self._task.check_mode:
            job = _last_retry(follower, jid)
            return {**job, **_judged(job), "changed": job["finished"] and job["failed"]}
        answer = command.run("retry", "--once", "--json", ids=[jid])
        if not answer.printed:
            raise CannotRun(answer.reason)
        retrial = answer.printed[0]
        if "id" not in retrial:
            message = str(retrial.get("why") or answer.reason)
            return {**follower.look_at([jid])[0], "failed": True, "changed": False, "msg": message}
        changed = retrial.get("outcome") == "retried"
        if changed:
            self.report("SENT", f"jid={retrial['id']}")
        job = follower.look_at([str(retrial["id"])])[0]
        return {**job, **_judged(job), "changed": changed}

    def _clean_up(self, command: Command, jid: str, look: Look, force: bool) -> dict[str, Any]:
        job = look()
        if self._task.check_mode:
            return {**job, **_judged(job), "changed": not _is_unknown(job)}
        if force and not job["finished"] and not _is_unknown(job):
            # Cancel it first, because the removal of its record removes its end as well.
            command.run("cancel", "--wait", "--json", ids=[jid])
            job = look()
        answer = command.run("cleanup", "--json", *(["--force"] if force else []), ids=[jid])
        if answer.status != 0:
            return {**look(), "failed": True, "changed": False, "msg": answer.reason}
        message = f"The record, log and body of {jid} are removed."
        return {**job, "failed": False, "changed": True, "erased": jid, "msg": message}


def _last_retry(follower: Follower, jid: str) -> dict[str, Any]:
    job = follower.look_at([jid])[0]
    while "retried_as" in job:
        last = follower.look_at([str(job["retried_as"])])[0]
        if _is_unknown(last):
            break
        job = last
    return job


def _judged(job: Mapping[str, Any]) -> dict[str, Any]:
    """A task that changes a job does not fail because the job has failed."""
    return {"failed": _is_unknown(job)}


def _is_unknown(job: Mapping[str, Any]) -> bool:
    return job.get("state") == "unknown"
