# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""The base class of the actions. They run on the controller: no module is copied to a host."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Mapping, Optional

from ansible import constants as C  # type: ignore[import]
from ansible.errors import AnsibleActionFail  # type: ignore[import]
from ansible.plugins.action import ActionBase  # type: ignore[import]
from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import CannotRun, Command, find_command

# The name of an action in Ansible's own error messages.
ACTIONS = "ansible_collections.mayfly.fleet.plugins.action."

FLEET_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "stack": {"type": "str"},
    "fleet": {"type": "str"},
    "outputs": {"type": "path"},
    "region": {"type": "str"},
    "executable": {"type": "str"},
}


# For actions that return the output of jobs.
MAX_OUTPUT: Mapping[str, Mapping[str, Any]] = {"max_output": {"type": "int", "default": 65536}}


class FleetAction(ActionBase):  # type: ignore[misc]
    """An action whose options are `OPTIONS` and those that select the fleet."""

    OPTIONS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    RULES: ClassVar[Mapping[str, Any]] = {}
    # Values that an `until` or a `when` may use after a task that failed to do its work.
    UNDONE: ClassVar[Mapping[str, Any]] = {"started": False, "finished": False}

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        """Does the task's work, and returns its result.

        :raises CannotRun: it could not be done
        """
        raise NotImplementedError

    def refusal(self) -> Optional[str]:
        """An error that is found before Ansible checks the options; a sentence."""
        return None

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """Called by Ansible. An error that a person can correct is a message without a traceback."""
        if self._task.async_val:
            return self.failure(
                f"The task's own `async` is for modules that run on hosts. {self._task.action} has options of that "
                "name: write `async` and `poll` below it, not beside it."
            )
        super().run(None, task_vars)
        self._host = (task_vars or {}).get("inventory_hostname", "localhost")
        refusal = self.refusal()
        if refusal is not None:
            return self.failure(refusal)
        # Versions of Ansible treat null differently. Here it means the same as `omit`.
        self._task.args = {name: value for name, value in self._task.args.items() if value is not None}
        try:
            spec = {**FLEET_OPTIONS, **self.OPTIONS}
            _, options = self.validate_argument_spec(argument_spec=spec, **self.RULES)
        except AnsibleActionFail as error:
            return self.failure(str(error).replace(ACTIONS, "mayfly.fleet."))
        try:
            return self.act(find_command(options, self._environment()), options)
        except CannotRun as error:
            return self.failure(str(error))

    def report(self, kind: str, known: str) -> None:
        """Prints the progress of the task, like Ansible for a task that it polls.

        It prints to stdout if the callback `default` writes there. The output of another callback, such as `json`, may be
        parsed by a program.
        """
        own = str(C.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] == "default"
        self._display.display(f"ASYNC {kind} on {self._host}: {known}", color=C.COLOR_DEBUG, stderr=not own)

    def failure(self, sentence: str) -> dict[str, Any]:
        """The result of a task that could not be done."""
        return {**self.UNDONE, "failed": True, "changed": False, "msg": sentence}

    def _environment(self) -> dict[str, str]:
        """The environment of Ansible, and what `environment` of task, block and play adds."""
        added: dict[str, Any] = {}
        self._compute_environment_string(added)
        return {**os.environ, **{str(name): str(value) for name, value in added.items()}}
