"""Prints what Ansible's default callback prints, and tells the worker what happened, line by line."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default  # type: ignore[import]

DOCUMENTATION = """
name: mayfly
type: stdout
short_description: the default output, and events for the Ansible worker of Mayfly
description:
  - Prints what the default callback prints.
  - Writes events to the file that C(MAYFLY_ANSIBLE_EVENTS) names, one JSON object a line.
  - Ends the run before its first task unless it is limited to the host that C(MAYFLY_TARGET) names.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

MOST_CHARACTERS = 3000
"""Of a message. The result of the worker has less room."""


class CallbackModule(Default):  # type: ignore[misc]
    # As the stdout callback it is always loaded: without it Ansible does not run.
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mayfly"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._check_limit(play)
        self._write("play")
        super().v2_playbook_on_play_start(play)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._write("no-hosts")
        super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._write("task", **_place(task))
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._write("task", **_place(task))
        super().v2_playbook_on_handler_task_start(task)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        # Before the default callback, which removes parts of the result.
        if not ignore_errors:
            self._write("failed", **_place(result._task), message=_message(result._result))
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("failed", **_place(result._task), message=_message(result._result))
        super().v2_runner_on_unreachable(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        recap = stats.summarize(os.environ["MAYFLY_TARGET"])
        recap["failed"] = recap.pop("failures")
        self._write("recap", recap=recap)
        super().v2_playbook_on_stats(stats)

    def _check_limit(self, play: Any) -> None:
        """Compares the limit with the target: `web` could be a group. In doubt nothing runs.

        Ansible ignores an exception of a callback, but not SystemExit.
        """
        target = os.environ["MAYFLY_TARGET"]
        try:
            inventory = play.get_variable_manager()._inventory
            hosts = {host.name for host in inventory.get_hosts("all", ignore_restrictions=True)}
        except Exception as error:
            self._write("refused", reason=f"The hosts of the limit cannot be read: {error}.")
            sys.exit(1)
        if hosts != {target}:
            self._write("refused", reason=f"The inventory has no host {target}.")
            sys.exit(1)

    def _write(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, **fields}) + "\n"
        with open(os.environ["MAYFLY_ANSIBLE_EVENTS"], "a", encoding="utf-8") as events:
            events.write(line)


def _place(task: Any) -> dict[str, Any]:
    file, _, line = (task.get_path() or "").rpartition(":")
    return {"task": task.get_name(), "file": file, "line": int(line) if line.isdigit() else None}


def _message(result: dict[str, Any]) -> str:
    """What the module says, and of a loop its first item that failed."""
    items = [item for item in result.get("results") or [] if isinstance(item, dict) and item.get("failed")]
    told = items[0] if items else result
    parts = [told.get(key) for key in ("censored", "msg", "stderr", "module_stderr")]
    texts = [str(part).strip() for part in parts if part]
    return "\n".join(texts)[:MOST_CHARACTERS]
