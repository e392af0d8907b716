# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job_wait. Its code is plugins/action/job_wait.py."""

DOCUMENTATION = r"""
module: job_wait
short_description: Wait for jobs of a fleet of Mayfly, and collect their results
version_added: 0.1.0
description:
  - Waits until all jobs have ended, and returns the result of each. A hundred jobs are read with one request.
  - Fails if one of them has not succeeded, has not ended after the timeout, or is unknown. C(jobs) is returned in any case.
options:
  jids:
    description: The ids of the jobs, as M(mayfly.fleet.job) returns them.
    type: list
    elements: str
    required: true
  poll:
    description: How often to poll, in seconds.
    type: int
    default: 5
  timeout:
    description:
      - Stop waiting after this many seconds, and fail. The jobs go on.
      - By default it waits without limit.
    type: int
attributes:
  check_mode:
    description: Works as without check mode, as it changes nothing. Jobs that check mode did not send count as C(skipped).
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.output
  - mayfly.fleet.fleet.attributes
seealso:
  - module: mayfly.fleet.job
  - module: mayfly.fleet.job_status
"""

EXAMPLES = r"""
- name: Wait for an hour at most
  mayfly.fleet.job_wait:
    jids: "{{ sent.jids }}"
    timeout: 3600
  register: done

- name: Go on whatever the results are
  mayfly.fleet.job_wait:
    jids: "{{ sent.jids }}"
  register: done
  failed_when: false

- name: Show which jobs did not succeed, and why
  ansible.builtin.debug:
    msg: "{{ item.ansible_job_id }}: {{ item.msg }}"
  loop: "{{ done.jobs | selectattr('failed') }}"
  loop_control:
    label: "{{ item.ansible_job_id }}"

- name: Use their output
  ansible.builtin.set_fact:
    sizes: "{{ done.jobs | map(attribute='stdout') | map('trim') }}"
"""

RETURN = r"""
jobs:
  description:
    - The jobs, in the order of I(jids), each with what M(mayfly.fleet.job_status) returns for it.
    - C(index) is its position in that list, from 0.
  returned: always
  type: list
  elements: dict
jids:
  description: Their ids.
  returned: always
  type: list
  elements: str
states:
  description: How many are in each state.
  returned: always
  type: dict
  sample: {"succeeded": 198, "timed_out": 2}
finished:
  description: Whether all of them have ended.
  returned: always
  type: bool
msg:
  description: How many did not succeed, and the first of them.
  returned: always
  type: str
  sample: "2 of 200 jobs did not succeed (198 succeeded, 2 timed_out). The first is jobs[16] (j-x3k9w2m7q1ab-17, label nightly): timed_out: over its limit of 600 s"
"""
