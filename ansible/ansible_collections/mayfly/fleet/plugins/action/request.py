# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""See plugins/modules/request.py."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Mapping, Optional, Sequence

from ansible import constants as C  # type: ignore[import]
from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.fleet_action import FleetAction
from ansible_collections.mayfly.fleet.plugins.plugin_utils.job_lines import lines_file
from ansible_collections.mayfly.fleet.plugins.plugin_utils.request_results import end_result, progress_text

# The options of `mayfly request run` that take a value.
VALUES = (
    "inventory",
    "limit",
    "group",
    "size",
    "body",
    "id",
    "label",
    "async",
    "tries",
    "throttle",
    "max_fail",
    "pause_after",
    "healthy",
    "on_failure",
    "settle",
    "check_limit",
    "stops",
)
LISTS = ("group_by", "serial")
FLAGS = ("any_errors_fatal", "keep_going")

TARGET_KEYS = {"target", "group", "vars"}


class ActionModule(FleetAction):
    """Makes a request, and waits for its end unless `poll` is 0."""

    OPTIONS = {
        "targets": {"type": "list", "elements": "raw"},
        "inventory": {"type": "str"},
        "limit": {"type": "str"},
        "group": {"type": "str"},
        "group_by": {"type": "list", "elements": "str"},
        "size": {"type": "int"},
        "body": {"type": "str"},
        "id": {"type": "str"},
        "label": {"type": "str"},
        "async": {"type": "int"},
        "tries": {"type": "int"},
        "serial": {"type": "list", "elements": "str"},
        "throttle": {"type": "int"},
        "max_fail": {"type": "str"},
        "any_errors_fatal": {"type": "bool", "default": False},
        "keep_going": {"type": "bool", "default": False},
        "pause_after": {"type": "int"},
        "healthy": {"type": "str"},
        "on_failure": {"type": "str"},
        "settle": {"type": "int"},
        "check_limit": {"type": "int"},
        "stops": {"type": "str", "choices": ["request", "group"]},
        "poll": {"type": "int"},
        "timeout": {"type": "int"},
    }
    RULES = {
        "mutually_exclusive": [("targets", "inventory"), ("group", "group_by")],
        "required_one_of": [("targets", "inventory")],
    }
    UNDONE = {"finished": False}

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        poll = int(C.DEFAULT_POLL_INTERVAL) if options["poll"] is None else int(options["poll"])
        if self._task.check_mode:
            plan = _call(command, options, "--plan")
            return {"changed": not plan["exists"], "finished": False, "count": plan["count"], "plan": plan}
        made = _call(command, options)
        result = {
            "changed": not made["resumed"],
            "finished": False,
            "id": made["id"],
            "count": made["count"],
            "resumed": bool(made["resumed"]),
        }
        self.report("SENT", f"request={made['id']}")
        if poll <= 0:
            return result
        try:
            return {**result, **self._wait(command, made["id"], poll, options["timeout"])}
        except CannotRun as error:
            sentence = f"The request was made, but its state is not known: {error}"
            return {**self.failure(sentence), **result, "failed": True}

    def _wait(self, command: Command, request: str, poll: int, timeout: Optional[int]) -> dict[str, Any]:
        limit = [] if timeout is None else ["--timeout", str(timeout)]
        words = ["--json", "--progress", "json", "--poll", str(max(1, poll)), *limit]

        def show(progress: Mapping[str, Any]) -> None:
            # The end of the request has its own line.
            if progress.get("running") or progress.get("held"):
                self.report("POLL", f"request={request} {progress_text(progress)}")

        answer = command.run("request wait", *words, ids=[request], on_progress=show)
        if not answer.printed:
            raise CannotRun(answer.reason)
        result = end_result(answer.printed[0])
        self.report("FAILED" if result["failed"] else "OK", f"request={request}")
        return result


def _call(command: Command, options: Mapping[str, Any], *words: str) -> Mapping[str, Any]:
    """What `mayfly request run` prints.

    :raises CannotRun: it refused the request
    """
    path = ""
    with ExitStack() as files:
        if options["targets"] is not None:
            path = files.enter_context(lines_file(_target_lines(options["targets"]), "targets.jsonl"))
        targets = ["--targets", path] if path else []
        answer = command.run("request run", "--json", *words, *targets, *_flags(options))
    if answer.status == 0 and len(answer.printed) == 1:
        return answer.printed[0]
    raise CannotRun(answer.reason.replace(path, "the task's targets") if path else answer.reason)


def _flags(options: Mapping[str, Any]) -> Sequence[str]:
    values = {name: str(options[name]) for name in VALUES if options[name] is not None}
    values.update({name: ",".join(options[name]) for name in LISTS if options[name] is not None})
    # A value that begins with - would be taken for an option.
    given = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    return [*given, *(f"--{name.replace('_', '-')}" for name in FLAGS if options[name])]


def _target_lines(targets: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """A line for each target: `{"target", "group"?, "vars"?}`.

    :raises CannotRun: one is neither a name nor a dictionary with these keys
    """
    lines: list[Mapping[str, Any]] = []
    for number, target in enumerate(targets, 1):
        if not isinstance(target, Mapping):
            lines.append({"target": str(target)})
        elif "target" in target and set(target) <= TARGET_KEYS:
            lines.append({name: value for name, value in target.items() if value is not None})
        else:
            raise CannotRun(
                f"Target {number} of {len(targets)} is {sorted(map(str, target))}: a target is a name, or a dictionary "
                "with target, group and vars, of which target is required."
            )
    return lines
