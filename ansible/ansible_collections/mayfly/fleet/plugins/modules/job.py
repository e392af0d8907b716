# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Documentation of mayfly.fleet.job, which is plugins/action/job.py."""

DOCUMENTATION = r"""
module: job
short_description: Send jobs to a fleet of Mayfly
version_added: 0.1.0
description:
  - Puts one job or many on the queue of a fleet, waits for them and gives their results; or gives only their ids.
  - As with Ansible's own C(async), the time limit kills, and C(poll=0) is fire and forget. Unlike there, the limit runs
    from the start of the work and not while a job waits in the queue.
  - Several jobs are far quicker in one task with I(bodies) or I(jobs) than in a C(loop), which starts the command once
    for each item, in about half a second.
options:
  body:
    description:
      - What the worker reads on its standard input, one job. A text is sent as it is; anything else as JSON.
      - Null is refused, as it mostly comes of a variable without a value. An empty text is a body.
      - Bodies are in no result and on no command line. The C(item) of a C(loop) is shown, though. Hide it with
        C(loop_control.label), or all of the task with C(no_log).
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
        description: As I(async), for this one. C(0) lets it run as long as the fleet lets any.
        type: int
      delay:
        description: As I(delay), for this one.
        type: int
      dedupe:
        description: As I(dedupe), for this one.
        type: str
      label:
        description: As I(label), for this one.
        type: str
  async:
    description:
      - How long the worker may run, in seconds from its start. Then it is killed, and the job is C(timed_out).
      - By default as long as the fleet lets any worker run. C(0) is the same and, as with Ansible's own C(async), has the
        task wait whatever I(poll) says.
    type: int
  poll:
    description:
      - How often to look, in seconds, until all jobs of the task have ended. The task fails if one of them has not succeeded.
      - C(0) sends and goes on.
      - By default as often as Ansible's own C(poll), which is C(poll_interval) of its configuration, 15 seconds.
    type: int
  timeout:
    description:
      - Give up waiting after so many seconds, and fail. The jobs go on; see M(mayfly.fleet.job_wait).
      - By default it waits as long as it takes, waiting in the queue included.
    type: int
  journal:
    description:
      - A file that keeps what was sent until all is. If only some of the jobs could be sent, a second run of the task with
        the same jobs sends the rest, under the same ids.
      - With I(dedupe) keys it is not needed.
    type: path
  delay:
    description: No worker gets it before so many seconds have passed.
    type: int
  dedupe:
    description:
      - A key that stands for the job. As long as the fleet remembers a job of the same key, no second one is made, and
        its id is given.
      - With it a playbook can be run again, also after it was cut off half-way, and sends nothing twice.
    type: str
  label:
    description:
      - A name that jobs share. C(mayfly list --label) finds them by it, and their workers have it as C(MAYFLY_LABEL).
      - It keeps no two of them apart. C(group) is kept for jobs that must not run at the same time, which no fleet can see to
        yet, and is refused.
    type: str
attributes:
  check_mode:
    description: Sends nothing. Ids are C(not-sent), for which the other modules know that there is nothing to wait for.
    support: full
extends_documentation_fragment:
  - mayfly.fleet.fleet
  - mayfly.fleet.fleet.output
  - mayfly.fleet.fleet.attributes
seealso:
  - module: mayfly.fleet.job_wait
  - module: mayfly.fleet.job_status
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

- name: Collect what became of them
  mayfly.fleet.job_wait:
    stack: Pictures
    jids: "{{ sent.jids }}"

- name: The same in a loop, where each job has its own task result
  mayfly.fleet.job:
    stack: Pictures
    body: "{{ item }}"
    async: 600
    poll: 0
  loop: "{{ pictures }}"
  register: looped

- name: Collect what became of those
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
  description: The job's id. It begins with a letter, and is never a number.
  returned: with I(body), when the job was sent
  type: str
  sample: j-x3k9w2m7q1ab
deduplicated:
  description: Whether there was a job of this key already. The id is that one's.
  returned: with I(body), when the job was sent
  type: bool
started:
  description: Whether it is known to have started. With I(poll=0) nobody has looked.
  returned: with I(body), when the job was sent
  type: bool
finished:
  description: Whether it is known to have ended. With I(poll=0) nobody has looked.
  returned: with I(body), when the job was sent
  type: bool
state:
  description:
    - C(queued), C(held), C(running), C(succeeded), C(failed), C(timed_out), C(cancelled), C(lost), C(skipped) or C(unknown).
  returned: with I(body), unless I(poll=0) found that there was a job of this key already
  type: str
  sample: succeeded
rc:
  description:
    - The exit status of the worker, C(124) if the limit killed it, minus the number of the signal that it died of.
    - Null of a job that has not ended, or that ended without a worker.
  returned: with I(body), unless I(poll=0)
  type: int
stdout:
  description: What the worker printed, without the line breaks at its end; of a long output the last I(max_output) bytes.
  returned: with I(body), unless I(poll=0)
  type: str
stdout_lines:
  description: The same by lines.
  returned: with I(body), unless I(poll=0)
  type: list
  elements: str
stderr:
  description: What it printed to its standard error, likewise.
  returned: with I(body), unless I(poll=0)
  type: str
stderr_lines:
  description: The same by lines.
  returned: with I(body), unless I(poll=0)
  type: list
  elements: str
truncated:
  description: Whether C(stdout) or C(stderr) is not all that was printed. I(max_output) was less, or some of it was lost.
  returned: with I(body), unless I(poll=0), if it is
  type: bool
retry_of:
  description: The id of the job that this one repeats.
  returned: with I(body), if it does
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
  description: A sentence that says what became of it, or what could not be done.
  returned: unless I(poll=0), and on failure
  type: str
jobs:
  description:
    - The jobs that were sent, in the order of I(bodies) or I(jobs), each with what is returned with I(body).
    - C(index) is the place of its body there, from 0.
  returned: with I(bodies) or I(jobs), or when not all were sent
  type: list
  elements: dict
jids:
  description: Their ids, as M(mayfly.fleet.job_wait) takes them.
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
    - Which were not sent, by their places in I(bodies) or I(jobs), from 0. The filter C(extract) finds what is there.
    - One whose sending got no answer counts as not sent. With a I(journal), or I(dedupe) keys, none is sent twice.
  returned: when not all were sent
  type: list
  elements: int
"""
