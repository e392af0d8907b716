# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""What the documentation of all modules of this collection says: which fleet, and how it is asked."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of every module, and what they have in common."""

    DOCUMENTATION = r"""
options:
  stack:
    description:
      - The CloudFormation stack of the fleet.
      - Without it the environment variable C(MAYFLY_STACK), else the only fleet in the region.
    type: str
  fleet:
    description: Which fleet of the stack, if it has several. Without it C(MAYFLY_FLEET).
    type: str
  outputs:
    description: The file that C(cdk deploy --outputs-file) has written. Without it C(MAYFLY_OUTPUTS).
    type: path
  region:
    description: AWS's region. Without it the one that AWS's own tools take.
    type: str
  executable:
    description:
      - The command C(mayfly), if it is not on the C(PATH); with the words that it needs, such as C(npx mayfly).
      - Without it C(MAYFLY_COMMAND), else C(mayfly) on the C(PATH), else the one of the package that this collection
        came with.
    type: str
notes:
  - It runs on the controller, whatever the play's hosts are, and connects to none of them. So it needs no
    C(delegate_to), but C(run_once) where one job is meant and not one for each host.
  - While it is at it, a task prints what goes on as Ansible does where it polls. C(ASYNC SENT) has the ids of the jobs that
    were sent, C(ASYNC POLL) comes every I(poll) seconds, C(ASYNC OK) or C(ASYNC FAILED) at the end. With another
    callback than C(default) on stdout, these lines go to stderr.
  - AWS's credentials are found as AWS's own tools find them. C(environment) of the task, its block or the play is heeded.
  - An option that is null counts as not given, except for what is to be sent.
  - Give these options once, as C(module_defaults) of the group C(mayfly.fleet.all).
requirements:
  - The command C(mayfly) (npm package C(mayfly), Node.js 22.13 or later) on the controller.
author:
  - The Mayfly authors (!UNKNOWN)
"""

    OUTPUT = r"""
options:
  max_output:
    description:
      - How many bytes of the end of what a job has printed are returned, of each of its streams. 33554432 at most.
      - Ansible holds results in memory several times. For output of any length there is C(mayfly logs --raw).
    type: int
    default: 65536
"""

    ATTRIBUTES = r"""
attributes:
  action:
    description: Runs on the controller.
    support: full
  async:
    description: The task's own C(async) is refused. The options of that name of M(mayfly.fleet.job) take its place.
    support: none
  diff_mode:
    description: There is nothing to compare.
    support: none
"""
