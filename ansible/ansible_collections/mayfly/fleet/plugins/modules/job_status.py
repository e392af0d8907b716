# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job_status. Its code is plugins/action/job_status.py."""

DOCUMENTATION = r"""
module: job_status
short_description: Get the status of a job of a fleet of Mayfly, cancel, retry or remove it
version_added: 0.1.0
description:
  - Returns for a job what M(ansible.builtin.async_status) returns for a task, with the same keys.
  - The task fails if the job has failed, as there.
  - An unknown id is an error. C(finished) is false, C(state) is C(unknown), and an C(until) ends at once, because the id
    will not be known later either. With C(failed_when) the C(until) goes on.
options:
  jid:
    description: The job's id.
    type: str
    required: true
  mode:
    description:
      - C(status) returns its status.
      - C(cancel) ends it. A job that waits never starts. A running job gets SIGTERM, then SIGKILL, within seconds. To see its
        end, get its status again or use M(mayfly.fleet.job_wait). A job that has ended is not changed.
      - C(retry) runs a job again that ended without success, as a new job with the same body. The id and state of the new job
        are returned. If the task runs again it returns that job, and sends another one only if that job ended without success.
      - C(cleanup) removes its record, log and body.
    type: str
    choices: [status, cancel, retry, cleanup]
    default: status
  force:
    description: With I(mode=cleanup), cancel a job that has not ended and remove it. Without it this is an error.
    type: bool
    default: false
attributes:
  check_mode:
    description: Cancels, sends and removes nothing. C(changed) is whether it would.
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
- name: Poll every ten seconds until it has ended
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
  register: job
  until: job.finished
  retries: 60
  delay: 10

- name: Cancel it
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: cancel

- name: Run it again if it failed
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: retry
  register: again

- name: Remove its record, log and body
  mayfly.fleet.job_status:
    jid: "{{ sent.ansible_job_id }}"
    mode: cleanup
"""

RETURN = r"""
ansible_job_id:
  description: The job's id. With I(mode=retry) the id of the last job that repeats it.
  returned: unless the fleet could not be reached
  type: str
  sample: j-x3k9w2m7q1ab
started:
  description: Whether a worker is known to have started.
  returned: always
  type: bool
finished:
  description: Whether it is known to have ended, with or without success.
  returned: always
  type: bool
state:
  description:
    - C(queued), C(held), C(running), C(succeeded), C(failed), C(timed_out), C(cancelled), C(lost), C(skipped) or C(unknown).
  returned: unless the fleet could not be reached
  type: str
  sample: succeeded
rc:
  description:
    - The exit status of the worker, C(124) if the limit killed it, or the negative number of the signal that ended it.
    - Null for a job that has not ended, or that ended without a worker.
  returned: always
  type: int
stdout:
  description: The worker's standard output without trailing line breaks. The last I(max_output) bytes if it is longer.
  returned: always
  type: str
stdout_lines:
  description: The same by lines.
  returned: always
  type: list
  elements: str
stderr:
  description: The worker's standard error, likewise.
  returned: always
  type: str
stderr_lines:
  description: The same by lines.
  returned: always
  type: list
  elements: str
truncated:
  description: Whether C(stdout) or C(stderr) is incomplete, because of I(max_output) or because output was lost.
  returned: always, if it is true
  type: bool
label:
  description: The job's label.
  returned: if it has one
  type: str
result:
  description:
    - What the worker of the last try wrote to the file of C(MAYFLY_RESULT), of at most 4 KiB.
    - A dictionary if it is a JSON object, else a string.
  returned: if it wrote something
  type: raw
  sample: {"status": "changed", "recap": {"ok": 3, "changed": 1}}
result_error:
  description: Why what it wrote there was left out.
  returned: if it was
  type: str
  sample: it has 5000 bytes, and a result has at most 4096
retry_of:
  description: The id of the job that this one repeats.
  returned: if there is one
  type: str
retried_as:
  description: The id of the last job that repeats this one.
  returned: if there is one
  type: str
erased:
  description: The id of the job whose record, log and body were removed. The other values are those from before the removal.
  returned: with I(mode=cleanup), if they were removed
  type: str
msg:
  description: A sentence about the result, or the error.
  returned: always
  type: str
"""
