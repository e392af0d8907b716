# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the documentation that all modules of this collection share: the options that select the fleet."""

from __future__ import annotations


class ModuleDocFragment:
    """The options and notes of every module."""

    DOCUMENTATION = r"""
options:
  stack:
    description:
      - The CloudFormation stack of the fleet.
      - The default is the environment variable C(MAYFLY_STACK), else the only fleet in the region.
    type: str
  fleet:
    description: Which fleet of the stack, if it has several. The default is C(MAYFLY_FLEET).
    type: str
  outputs:
    description: The file that C(cdk deploy --outputs-file) has written. The default is C(MAYFLY_OUTPUTS).
    type: path
  region:
    description: The AWS region. The default is the one that the tools of AWS use.
    type: str
  executable:
    description:
      - The command C(mayfly), if it is not on the C(PATH), with its first arguments, such as C(npx mayfly).
      - The default is C(MAYFLY_COMMAND), else C(mayfly) on the C(PATH), else the command of the package that contains this
        collection.
    type: str
notes:
  - It runs on the controller, whatever the hosts of the play are, and connects to none of them. So it needs no
    C(delegate_to). Use C(run_once) to send one job and not one for each host.
  - While it runs, a task prints its progress as Ansible does when it polls. C(ASYNC SENT) has the ids of the jobs that were
    sent, C(ASYNC POLL) comes every I(poll) seconds, C(ASYNC OK) or C(ASYNC FAILED) at the end. If another callback than
    C(default) writes to stdout, these lines go to stderr.
  - Credentials of AWS are found as the tools of AWS find them. C(environment) of the task, its block and the play applies.
  - An option that is null counts as absent, except for bodies.
  - Set these options once, as C(module_defaults) of the group C(mayfly.fleet.all).
requirements:
  - The command C(mayfly) (npm package C(mayfly), Node.js 22.13 or later) on the controller.
author:
  - The Mayfly authors (!UNKNOWN)
"""

    OUTPUT = r"""
options:
  max_output:
    description:
      - How many bytes of the end of each output stream of a job are returned. The maximum is 33554432.
      - Ansible holds several copies of a result in memory. For longer output use C(mayfly logs --raw).
    type: int
    default: 65536
"""

    ATTRIBUTES = r"""
attributes:
  action:
    description: Runs on the controller.
    support: full
  async:
    description: The task's own C(async) is an error. Use the option of this name of M(mayfly.fleet.job).
    support: none
  diff_mode:
    description: There is nothing to compare.
    support: none
"""
