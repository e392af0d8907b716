# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job_status, which is plugins/action/job_status.py."""

DOCUMENTATION = r"""
module: job_status
short_description: Look at a job of a fleet of Mayfly, cancel it, retry it, or clean up after it
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
      - C(retry) has a job that ended without success run once more, as a new job of the same body, whose id and state are
        returned. Run again, the task gives that job, and sends another only if that one has ended without success too.
      - C(cleanup) removes what is kept of it, record and log.
    type: str
    choices: [status, cancel, retry, cleanup]
    default: status
  force:
    description: With I(mode=cleanup), cancel a job that has not ended and remove it. Otherwise that is refused.
    type: bool
    default: false
attributes:
  check_mode:
    description: Cancels, sends and removes nothing, and says whether it would.
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.output
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

- name: Run it once more if it failed
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: retry
  register: again

- name: Remove its record and its log
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: cleanup
"""

RETURN = r"""
ansible_job_id:
  description: The job's id. With I(mode=retry) that of the last of the jobs that it was retried as.
  returned: unless the fleet could not be asked
  type: str
  sample: j-x3k9w2m7q1ab
started:
  description: Whether a worker is known to have started.
  returned: always
  type: bool
finished:
  description: Whether it is known to have ended, however it did.
  returned: always
  type: bool
state:
  description:
    - C(queued), C(held), C(running), C(succeeded), C(failed), C(timed_out), C(cancelled), C(lost), C(skipped) or C(unknown).
  returned: unless the fleet could not be asked
  type: str
  sample: succeeded
rc:
  description:
    - The exit status of the worker, C(124) if the limit killed it, minus the number of the signal that it died of.
    - Null of a job that has not ended, or that ended without a worker.
  returned: always
  type: int
stdout:
  description: What the worker has printed, without the line breaks at its end; of a long output the last I(max_output) bytes.
  returned: always
  type: str
stdout_lines:
  description: The same by lines.
  returned: always
  type: list
  elements: str
stderr:
  description: What it has printed to its standard error, likewise.
  returned: always
  type: str
stderr_lines:
  description: The same by lines.
  returned: always
  type: list
  elements: str
truncated:
  description: Whether C(stdout) or C(stderr) is not all that was printed. I(max_output) was less, or some of it was lost.
  returned: always, if it is
  type: bool
label:
  description: The job's label.
  returned: if it has one
  type: str
retry_of:
  description: The id of the job that this one repeats.
  returned: if it does
  type: str
retried_as:
  description: The id of the last job that repeats this one.
  returned: if there is one
  type: str
erased:
  description: The id of the job whose record, log and body were removed. All else that is returned then was true before.
  returned: with I(mode=cleanup), when they were
  type: str
msg:
  description: A sentence that says what became of it, or what could not be done.
  returned: always
  type: str
"""
