# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Results with the keys of async_status."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, Optional, Sequence

# The id that check mode returns for a job that it did not send.
NOT_SENT = "not-sent"

TEXTS = ("stdout", "stderr", "msg")
# Further keys of `mayfly status --ansible`. Keys that it does not print are left out.
MORE = ("state", "label", "result", "result_error", "retry_of", "retried_as", "truncated")


def result_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one job, from the output of `mayfly status --ansible`."""
    result: dict[str, Any] = {
        "ansible_job_id": str(job.get("ansible_job_id", "")),
        "started": bool(job.get("started")),
        "finished": bool(job.get("finished")),
        "failed": bool(job.get("failed")),
        "rc": job.get("rc"),
    }
    result.update({name: str(job.get(name) or "") for name in TEXTS})
    result.update({f"{name}_lines": result[name].splitlines() for name in ("stdout", "stderr")})
    result.update({name: job[name] for name in MORE if job.get(name) is not None})
    return result


def result_of_all(jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The result of several jobs. It has failed if one of them has failed or has not ended."""
    states = Counter(job.get("state", "unknown") for job in jobs)
    unended = [job for job in jobs if not job["finished"]]
    failed = [job for job in jobs if job["failed"] or not job["finished"]]
    result: dict[str, Any] = {
        **many(jobs),
        "states": dict(states),
        "finished": not unended,
        "failed": bool(failed),
    }
    if not jobs:
        result["msg"] = "There are no jobs."
    elif failed:
        first = failed[0]
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        label = f", label {first['label']}" if "label" in first else ""
        result["msg"] = (
            f"{len(failed)} of {len(jobs)} jobs did not succeed ({counts}). The first is jobs[{jobs.index(first)}] "
            f"({first['ansible_job_id']}{label}): {first['msg'] or first.get('state', 'unknown')}"
        )
    elif list(states) == ["skipped"]:
        result["msg"] = jobs[0]["msg"]
    else:
        result["msg"] = f"All {len(jobs)} jobs succeeded."
    return result


def many(jobs: Sequence[Mapping[str, Any]], places: Optional[Sequence[int]] = None) -> dict[str, Any]:
    """The results of the jobs of one task.

    :param places: the position of each job in `bodies`, `jobs` or `jids`; by default all jobs are there
    """
    return {
        "jobs": [{"index": at, **job} for at, job in zip(places or range(len(jobs)), jobs)],
        "jids": [job["ansible_job_id"] for job in jobs],
    }


def queued_result(job: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a job that was just sent, and whose status was not read.

    :param line: the line that was sent
    """
    deduplicated = bool(job.get("deduplicated"))
    result: dict[str, Any] = {
        "ansible_job_id": str(job["id"]),
        "deduplicated": deduplicated,
        "started": False,
        "finished": False,
        "failed": False,
    }
    if deduplicated:
        return result
    result["state"] = "queued"
    return {**result, "label": line["label"]} if "label" in line else result


def unsent_result() -> dict[str, Any]:
    """In check mode: the result of a job that would be sent."""
    return {
        "ansible_job_id": NOT_SENT,
        "deduplicated": False,
        "started": False,
        "finished": False,
        "failed": False,
    }


def checked_result() -> dict[str, Any]:
    """In check mode: the status of a job that was not sent."""
    job = {"ansible_job_id": NOT_SENT, "started": True, "finished": True, "rc": 0, "state": "skipped"}
    return result_of({**job, "msg": "Nothing was sent: check mode."})
