# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""See plugins/modules/job_wait.py."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.mayfly.fleet.plugins.plugin_utils.command import Command
from ansible_collections.mayfly.fleet.plugins.plugin_utils.fleet_action import MAX_OUTPUT, FleetAction
from ansible_collections.mayfly.fleet.plugins.plugin_utils.follow import Follower
from ansible_collections.mayfly.fleet.plugins.plugin_utils.results import result_of_all


class ActionModule(FleetAction):
    """Waits for jobs, and collects their results."""

    OPTIONS = {
        "jids": {"type": "list", "elements": "str", "required": True},
        "poll": {"type": "int", "default": 5},
        "timeout": {"type": "int"},
        **MAX_OUTPUT,
    }
    UNDONE = {"finished": False, "jobs": [], "jids": [], "states": {}}

    def act(self, command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
        follower = Follower(command, options["max_output"], self.report)
        jobs = follower.wait_for(options["jids"], options["poll"], options["timeout"])
        return {"changed": False, **result_of_all(jobs)}
