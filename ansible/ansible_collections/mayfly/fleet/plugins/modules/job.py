# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job. Its code is plugins/action/job.py."""

DOCUMENTATION = r"""
module: job
short_description: Send jobs to a fleet of Mayfly
version_added: 0.1.0
description:
  - Puts one job or many on the queue of a fleet, waits for them and returns their results, or returns only their ids.
  - As with Ansible's own C(async), a worker that exceeds the time limit is killed, and C(poll=0) does not wait. Other than
    there, the limit counts from the start of the worker, not while the job waits in the queue.
  - Many jobs are sent much faster by one task with I(bodies) or I(jobs) than by a C(loop), which starts the command once
    for each item, in about half a second.
options:
  body:
    description:
      - The body of one job, which the worker reads on its standard input. A string is sent unchanged, anything else as JSON.
      - Null is an error, because it usually comes from a variable without a value. An empty string is a body.
      - Bodies are in no result and on no command line. But Ansible shows the C(item) of a C(loop). Hide it with
        C(loop_control.label), or the whole task with C(no_log).
    type: raw
  bodies:
    description: The bodies of many jobs, in one call.
    type: list
    elements: raw
  jobs:
    description: Many jobs that differ in more than their bodies, in one call.
    type: list
    elements: dict
    suboptions:
      body:
        description: As I(body).
        type: raw
        required: true
      async:
        description: As I(async), for this job. C(0) sets no limit but the fleet's own.
        type: int
      delay:
        description: As I(delay), for this job.
        type: int
      dedupe:
        description: As I(dedupe), for this job.
        type: str
      label:
        description: As I(label), for this job.
        type: str
      group:
        description: As I(group), for this job.
        type: str
      target:
        description: As I(target), for this job.
        type: str
  async:
    description:
      - How long the worker may run, in seconds from its start. Then it is killed, and the job is C(timed_out).
      - The default is the fleet's own limit. C(0) means the same and, as with Ansible's own C(async), makes the task wait
        even if I(poll) is 0.
    type: int
  poll:
    description:
      - How often to poll, in seconds, until all jobs of the task have ended. The task fails if one of them has not succeeded.
      - C(0) sends the jobs and does not wait.
      - The default is that of Ansible's own C(poll), which is C(poll_interval) of its configuration, 15 seconds.
    type: int
  timeout:
    description:
      - Stop waiting after this many seconds, and fail. The jobs go on. See M(mayfly.fleet.job_wait).
      - By default it waits without limit. The time counts from the enqueue.
    type: int
  journal:
    description:
      - A file that records the sent jobs until all are sent. If only some of the jobs could be sent, a second run of the task
        with the same jobs sends the rest, with the same ids.
      - It is not needed with I(dedupe) keys.
    type: path
  delay:
    description: The job does not start before this many seconds have passed.
    type: int
  dedupe:
    description:
      - A key that identifies the job. As long as the fleet keeps the record of a job with this key, no second job is sent, and
        the id of the existing job is returned.
      - With it a playbook can be run again, also after an interruption, and sends no job twice.
    type: str
  label:
    description:
      - A common name of jobs. C(mayfly list --label) finds them, and their workers get it as C(MAYFLY_LABEL).
      - It does not keep jobs from running at the same time. I(group) does.
    type: str
  group:
    description:
      - A name, or C(family/group). Of the jobs of a group only as many run at the same time as it has lanes, which is one
        unless somebody set more. The others are held.
      - For the same change on many servers use M(mayfly.fleet.request).
    type: str
  target:
    description: What the job works on, such as a server. One job at a time has it. It needs a I(group).
    type: str
attributes:
  check_mode:
    description: Sends nothing. The ids are C(not-sent), for which the other modules do not wait.
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.output
  - mayfly.fleet.fleet.attributes
seealso:
  - module: mayfly.fleet.job_wait
  - module: mayfly.fleet.job_status
  - module: mayfly.fleet.request
"""

EXAMPLES = r"""
- name: Resize a picture, and wait for it
  mayfly.fleet.job:
    stack: Pictures
    body: s3://pictures/1.png
    async: 600
    poll: 5

- name: Send a job for each of hundreds of pictures
  mayfly.fleet.job:
    stack: Pictures
    bodies: "{{ pictures }}"
    async: 600
    poll: 0
  register: sent

- name: Collect their results
  mayfly.fleet.job_wait:
    stack: Pictures
    jids: "{{ sent.jids }}"

- name: The same in a loop, so that each job has its own task result
  mayfly.fleet.job:
    stack: Pictures
    body: "{{ item }}"
    async: 600
    poll: 0
  loop: "{{ pictures }}"
  register: looped

- name: Collect the results of these jobs
  mayfly.fleet.job_wait:
    stack: Pictures
    jids: "{{ looped.results | map(attribute='ansible_job_id') }}"

- name: Jobs that a second run of the playbook does not send again
  mayfly.fleet.job:
    stack: Pictures
    poll: 0
    jobs:
      - body: {picture: s3://pictures/1.png, width: 640}
        dedupe: 1.png at 640
      - body: {picture: s3://pictures/2.png, width: 640}
        dedupe: 2.png at 640
        async: 1800
"""

RETURN = r"""
ansible_job_id:
  description: The job's id. It begins with a letter, so it is never a number.
  returned: with I(body), when the job was sent
  type: str
  sample: j-x3k9w2m7q1ab
deduplicated:
  description: Whether a job with this key existed already. Then the id is that of the existing job.
  returned: with I(body), when the job was sent
  type: bool
started:
  description: Whether it is known to have started. False with I(poll=0).
  returned: with I(body), when the job was sent
  type: bool
finished:
  description: Whether it is known to have ended. False with I(poll=0).
  returned: with I(body), when the job was sent
  type: bool
state:
  description:
    - C(queued), C(held), C(running), C(succeeded), C(failed), C(timed_out), C(cancelled), C(lost), C(skipped) or C(unknown).
  returned: with I(body), unless with I(poll=0) a job with this key existed already
  type: str
  sample: succeeded
rc:
  description:
    - The exit status of the worker, C(124) if the limit killed it, or the negative number of the signal that ended it.
    - Null for a job that has not ended, or that ended without a worker.
  returned: with I(body), unless I(poll=0)
  type: int
stdout:
  description: The worker's standard output without trailing line breaks. The last I(max_output) bytes if it is longer.
  returned: with I(body), unless I(poll=0)
  type: str
stdout_lines:
  description: The same by lines.
  returned: with I(body), unless I(poll=0)
  type: list
  elements: str
stderr:
  description: The worker's standard error, likewise.
  returned: with I(body), unless I(poll=0)
  type: str
stderr_lines:
  description: The same by lines.
  returned: with I(body), unless I(poll=0)
  type: list
  elements: str
truncated:
  description: Whether C(stdout) or C(stderr) is incomplete, because of I(max_output) or because output was lost.
  returned: with I(body), unless I(poll=0), if it is true
  type: bool
result:
  description:
    - What the worker of the last try wrote to the file of C(MAYFLY_RESULT), of at most 4 KiB.
    - A dictionary if it is a JSON object, else a string.
  returned: with I(body), unless I(poll=0), if it wrote something
  type: raw
  sample: {"status": "changed", "recap": {"ok": 3, "changed": 1}}
result_error:
  description: Why what it wrote there was left out.
  returned: with I(body), unless I(poll=0), if it was
  type: str
  sample: it has 5000 bytes, and a result has at most 4096
retry_of:
  description: The id of the job that this one repeats.
  returned: with I(body), if there is one
  type: str
retried_as:
  description: The id of the last job that repeats this one.
  returned: with I(body), if there is one
  type: str
label:
  description: The job's label.
  returned: with I(body), if it has one
  type: str
msg:
  description: A sentence about the result, or the error.
  returned: unless I(poll=0), and on failure
  type: str
jobs:
  description:
    - The jobs that were sent, in the order of I(bodies) or I(jobs), each with what is returned with I(body).
    - C(index) is the position of its body in that list, from 0.
  returned: with I(bodies) or I(jobs), or when not all were sent
  type: list
  elements: dict
jids:
  description: Their ids, for M(mayfly.fleet.job_wait).
  returned: with I(bodies) or I(jobs), or when not all were sent
  type: list
  elements: str
states:
  description: How many are in each state.
  returned: with I(bodies) or I(jobs), unless I(poll=0)
  type: dict
  sample: {"succeeded": 198, "timed_out": 2}
unsent:
  description:
    - The positions in I(bodies) or I(jobs), from 0, of the jobs that were not sent. The filter C(extract) gets their bodies.
    - A job counts as not sent if its request got no answer. With a I(journal) or I(dedupe) keys no job is sent twice.
  returned: when not all were sent
  type: list
  elements: int
"""
