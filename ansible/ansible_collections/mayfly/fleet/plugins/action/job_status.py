# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""See plugins/modules/job_status.py."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.errors import AnsibleActionFail  # type: ignore[import]
from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.fleet_action import FleetAction
from ansible_collections.mayfly.fleet.plugins.plugin_utils.follow import look_at
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import NOT_SENT


class ActionModule(FleetAction):
    """Looks at one job, cancels it, or removes what is kept of it."""

    OPTIONS = {
        "jid": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["status", "cancel", "cleanup"], "default": "status"},
        "force": {"type": "bool", "default": False},
    }
    UNDONE = {"started": False, "finished": False, "rc": None, "stdout": "", "stderr": ""}

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        jid = options["jid"]
        mode = "status" if jid == NOT_SENT else options["mode"]
        if mode == "cancel":
            return self._cancel(command, jid)
        if mode == "cleanup":
            return self._clean_up(command, jid, options["force"])
        return self._status(command, jid)

    def _status(self, command: Command, jid: str) -> dict[str, Any]:
        job = look_at(command, [jid])[0]
        if job.get("state") == "unknown" and self._task.until and not self._task.failed_when:
            raise self._given_up(job)
        return {"changed": False, **job}

    def _given_up(self, job: dict[str, Any]) -> AnsibleActionFail:
        """Ends an `until`: an id that nobody knows now will not be known later, however often it is looked up."""
        end = AnsibleActionFail(job["msg"], result={"changed": False, **job})
        end.result.pop("exception", None)
        return end

    def _cancel(self, command: Command, jid: str) -> dict[str, Any]:
        if self._task.check_mode:
            job = look_at(command, [jid])[0]
            return {**job, **_judged(job), "changed": not job["finished"] and not _is_unknown(job)}
        answer = command.run("cancel", "--json", ids=[jid])
        if not answer.printed:
            raise CannotRun(answer.reason)
        changed = answer.printed[0].get("outcome") in ("cancelled", "requested")
        job = look_at(command, [jid])[0]
        return {**job, **_judged(job), "changed": changed}

    def _clean_up(self, command: Command, jid: str, force: bool) -> dict[str, Any]:
        if self._task.check_mode:
            job = look_at(command, [jid])[0]
            return {**job, **_judged(job), "changed": not _is_unknown(job)}
        answer = command.run("cleanup", "--json", *(["--force"] if force else []), ids=[jid])
        if answer.status != 0:
            return {**look_at(command, [jid])[0], "failed": True, "changed": False, "msg": answer.reason}
        return {"changed": True, "ansible_job_id": jid, "msg": f"Nothing is kept of {jid} any more."}


def _judged(job: Mapping[str, Any]) -> dict[str, Any]:
    """What is done to a job is no failure because the job was one."""
    return {"failed": _is_unknown(job)}


def _is_unknown(job: Mapping[str, Any]) -> bool:
    return job.get("state") == "unknown"
