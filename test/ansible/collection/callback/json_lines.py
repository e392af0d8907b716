# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Prints each task result as a line of JSON, for tests."""

from __future__ import annotations

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: json_lines
type: stdout
short_description: a line of JSON for each result
description: a line of JSON for each result
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "json_lines"

    def print_result(self, outcome, result):
        line = {"task": result.task_name, "outcome": outcome, "result": result._result}
        self._display.display(json.dumps(line, default=str))

    def v2_runner_on_ok(self, result):
        self.print_result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.print_result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):
        self.print_result("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.print_result("unreachable", result)

    def v2_runner_retry(self, result):
        self.print_result("retry", result)
