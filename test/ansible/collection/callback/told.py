# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Tells of each task result in a line of JSON, for tests."""

from __future__ import annotations

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: told
type: stdout
short_description: a line of JSON for each result
description: a line of JSON for each result
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "told"

    def tell(self, outcome, result):
        told = {"task": result.task_name, "outcome": outcome, "result": result._result}
        self._display.display(json.dumps(told, default=str))

    def v2_runner_on_ok(self, result):
        self.tell("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):
        self.tell("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.tell("unreachable", result)

    def v2_runner_retry(self, result):
        self.tell("retry", result)
