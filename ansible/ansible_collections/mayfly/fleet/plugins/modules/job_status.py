# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job_status, which is plugins/action/job_status.py."""

DOCUMENTATION = r"""
module: job_status
short_description: Look at a job of a fleet of Mayfly, cancel it, or clean up after it
version_added: 0.1.0
description:
  - Tells of one job what M(ansible.builtin.async_status) tells of a task, in the same shape.
  - Like there, the task fails if the job has failed.
  - An id that the fleet does not know is an error of its own. C(finished) is false, C(state) is C(unknown), and an
    C(until) ends at once, since it will not be known later either; with C(failed_when) it goes on as always.
options:
  jid:
    description: The job's id.
    type: str
    required: true
  mode:
    description:
      - C(status) looks at it.
      - C(cancel) has it end. One that waits never starts. One that runs gets SIGTERM, then SIGKILL, within seconds; look
        again, or wait with M(mayfly.fleet.job_wait), to see its end. One that has ended is left as it is.
      - C(cleanup) removes what is kept of it, record and log.
    type: str
    choices: [status, cancel, cleanup]
    default: status
  force:
    description: With I(mode=cleanup), cancel a job that has not ended and remove it. Otherwise that is refused.
    type: bool
    default: false
attributes:
  check_mode:
    description: Cancels and removes nothing, and says whether it would.
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.attributes
seealso:
  - module: mayfly.fleet.job
  - module: mayfly.fleet.job_wait
  - module: ansible.builtin.async_status
"""

EXAMPLES = r"""
- name: Look every ten seconds until it has ended
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
  register: job
  until: job.finished
  retries: 60
  delay: 10

- name: Have it end
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: cancel

- name: Remove its record and its log
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: cleanup
"""

RETURN = r"""
ansible_job_id:
  description: The job's id.
  returned: success
  type: str
  sample: j-x3k9w2m7q1ab
started:
  description: Whether a worker is known to have started.
  returned: with I(mode=status) and I(mode=cancel)
  type: bool
finished:
  description: Whether it is known to have ended, however it did.
  returned: with I(mode=status) and I(mode=cancel)
  type: bool
state:
  description:
    - C(queued), C(held), C(running), C(succeeded), C(failed), C(timed_out), C(cancelled), C(lost), C(skipped) or C(unknown).
  returned: with I(mode=status) and I(mode=cancel)
  type: str
  sample: succeeded
rc:
  description:
    - The exit status of the worker, C(124) if the limit killed it, minus the number of the signal that it died of.
    - Null of a job that has not ended, or that ended without a worker.
  returned: with I(mode=status) and I(mode=cancel)
  type: int
stdout:
  description: What the worker has printed; of a long output the end. C(mayfly logs) has all of it.
  returned: with I(mode=status) and I(mode=cancel)
  type: str
stdout_lines:
  description: The same by lines.
  returned: with I(mode=status) and I(mode=cancel)
  type: list
  elements: str
stderr:
  description: What it has printed to its standard error, likewise.
  returned: with I(mode=status) and I(mode=cancel)
  type: str
stderr_lines:
  description: The same by lines.
  returned: with I(mode=status) and I(mode=cancel)
  type: list
  elements: str
msg:
  description: A sentence that says what became of it, or what could not be done.
  returned: always
  type: str
"""
