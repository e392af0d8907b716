# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.request. Its code is plugins/action/request.py."""

DOCUMENTATION = r"""
module: request
short_description: Run a job for each of many targets, group by group
version_added: 0.1.0
description:
  - Makes a request, which becomes one job for each of its targets, such as servers. Of the jobs of a group only as many run
    at the same time as it has lanes, which is one unless somebody set more, whatever the number of requests.
  - With I(id) the task can be repeated. It goes on with a request that was cut off, and makes no second one. Other targets or
    options under the same id are an error.
  - The targets are checked before anything is stored. The task fails if there are none, if one is there twice or under two
    names in its group, or if a variable is missing.
options:
  targets:
    description:
      - The targets, in their order. Each is a name, or a dictionary with C(target), C(group) and C(vars), of which C(target)
        is required.
      - To take the hosts of this playbook, use C("{{ groups['web'] }}").
    type: list
    elements: raw
  inventory:
    description:
      - An inventory of Ansible whose hosts are the targets, as C(ansible-inventory -i) takes it. It is read by the command, not
        by this playbook.
    type: str
  limit:
    description: Only the hosts of I(inventory) that match this pattern.
    type: str
  group:
    description: The group of all targets, a name or C(family/group).
    type: str
  group_by:
    description:
      - One or two variables of the targets that name their groups.
      - Without I(group) and I(group_by) a target is in the group that it names itself, else in C(all).
    type: list
    elements: str
  size:
    description:
      - How many servers the group has in all, if I(targets) are some of them. Lanes that are a percentage are of it.
      - The default is the number of targets.
    type: int
  body:
    description:
      - What each worker reads, a template of the command with C(target), C(group), C(index), C(count) and variables of the
        target in double braces. Protect it from Ansible's own templating with C(!unsafe).
      - The template is on the command line, and the variables are not. So put what is secret into C(vars).
      - The default is the name of the target.
    type: str
  id:
    description: The id of the request, which begins with a letter. The default is a random one.
    type: str
  label:
    description: A label of all jobs.
    type: str
  async:
    description: How long each job may run, in seconds. The default is the fleet's own limit.
    type: int
  tries:
    description: How often each job is tried. The default is 1.
    type: int
  serial:
    description:
      - Sizes of the batches of each group, as Ansible's C(serial). The last one repeats. C(0) and less is all that are left.
    type: list
    elements: str
  throttle:
    description: How many jobs of a group run at a time, within its lanes.
    type: int
  max_fail:
    description:
      - The request stops when more than so many jobs, or than this percentage of a batch, have failed.
      - The default is C(0), with which the first failure stops it.
    type: str
  any_errors_fatal:
    description: The first failure stops the request, as by default.
    type: bool
    default: false
  keep_going:
    description: No failure stops the request.
    type: bool
    default: false
  pause_after:
    description: Each group waits after so many batches until somebody resumes the request.
    type: int
  healthy:
    description: The fleet's command that checks a target after its job. The next job waits until it has succeeded.
    type: str
  on_failure:
    description: The fleet's command that rolls a target back after its job has failed.
    type: str
  settle:
    description: How many seconds to wait before the check.
    type: int
  check_limit:
    description: How many seconds the check may take until it succeeds.
    type: int
  stops:
    description: What a failure stops, all groups of the request or the group in which it happened. The default is C(request).
    type: str
    choices: [request, group]
  poll:
    description:
      - How often to look, in seconds, until the request has ended or waits for a person. The task fails unless all jobs have
        succeeded.
      - C(0) makes the request and does not wait.
      - The default is that of Ansible's own C(poll), which is C(poll_interval) of its configuration, 15 seconds.
    type: int
  timeout:
    description:
      - Stop waiting after this many seconds, and fail. The request goes on. By default it waits without limit.
    type: int
attributes:
  check_mode:
    description: Sends nothing, and returns who would run when, in which batch and lane.
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.attributes
seealso:
  - module: mayfly.fleet.job
"""

EXAMPLES = r"""
- name: Restart the web servers, one after another, and check each
  mayfly.fleet.request:
    stack: Deploy
    id: restart-{{ release }}
    targets: "{{ groups['web'] }}"
    group: shop/web
    body: !unsafe 'restart {{ target }}'
    healthy: http
    poll: 5

- name: Deploy to all servers of an inventory, in growing batches
  mayfly.fleet.request:
    stack: Deploy
    id: deploy-{{ release }}
    inventory: inventories/prod
    limit: web:!web-9
    group_by: [family, tier]
    serial: [1, 5, 30%]
    max_fail: 10%
    on_failure: undo

- name: Begin with one server, and go on when somebody has looked at it
  mayfly.fleet.request:
    stack: Deploy
    targets:
      - target: web-1
        group: shop/web
        vars: {zone: a}
      - target: web-2
        group: shop/web
        vars: {zone: b}
    body: !unsafe 'upgrade {{ target }} in {{ zone }}'
    serial: [1, 0]
    pause_after: 1
    poll: 0
"""

RETURN = r"""
finished:
  description: Whether it is known that all jobs have ended. False with I(poll=0).
  returned: always
  type: bool
id:
  description: The id of the request.
  returned: when the request was made
  type: str
  sample: deploy-7
count:
  description: The number of its jobs.
  returned: when the request was made, and in check mode
  type: int
resumed:
  description: Whether a request with this id was there. Then no second one was made.
  returned: when the request was made
  type: bool
plan:
  description: Who would run when, as C(mayfly request run --plan --json) prints it.
  returned: in check mode
  type: dict
state:
  description: C(open), C(stopped), C(paused), C(cancelled) or C(ended).
  returned: unless I(poll=0), when the state is known
  type: str
  sample: ended
request:
  description: The request with its groups and failed jobs, as C(mayfly request show --json) prints it, without bodies.
  returned: unless I(poll=0), when the state is known
  type: dict
msg:
  description: A sentence about the result, or the error.
  returned: unless I(poll=0), and on failure
  type: str
"""
