# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""A connection to a host that is down, for tests."""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: unreachable
short_description: fails at once
description: fails at once
"""


class Connection(ConnectionBase):
    transport = "unreachable"

    def _connect(self):
        raise AnsibleConnectionFailure("the host is down")

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self._connect()

    def put_file(self, in_path, out_path):
        self._connect()

    def fetch_file(self, in_path, out_path):
        self._connect()

    def close(self):
        pass
