# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Results of requests."""

from __future__ import annotations

from typing import Any, Mapping

COUNTS = ("succeeded", "failed", "cancelled", "skipped", "running", "held")


def end_result(request: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a request that has ended or waits for a person, from the output of `mayfly request wait --json`."""
    finished = request.get("endedAt") is not None
    succeeded = finished and int(request.get("succeeded", 0)) == int(request.get("count", 0))
    return {
        "state": request.get("state"),
        "finished": finished,
        "failed": not succeeded,
        "request": {**request, "failedJobs": [_without_body(job) for job in request.get("failedJobs", [])]},
        "msg": _sentence(request, finished, succeeded),
    }


def _without_body(job: Mapping[str, Any]) -> dict[str, Any]:
    """Bodies may be secret, and are in no result."""
    return {name: value for name, value in job.items() if name not in ("body", "bodyStart")}


def progress_text(progress: Mapping[str, Any]) -> str:
    """The numbers of a line of `mayfly request wait --progress json`."""
    done, total = int(progress.get("succeeded", 0)), int(progress.get("total", 0))
    running, held, failed = (int(progress.get(name, 0)) for name in ("running", "held", "failed"))
    return f"{done} of {total} done, {running} running, {held} held, {failed} failed"


def _sentence(request: Mapping[str, Any], finished: bool, succeeded: bool) -> str:
    name, count = request.get("id"), int(request.get("count", 0))
    if succeeded:
        return f"All {count} jobs of request {name} succeeded."
    numbers = ", ".join(f"{request[key]} {key}" for key in COUNTS if request.get(key))
    reason = f": {request['reason']}" if request.get("reason") else ""
    if finished:
        return f"Request {name} has ended, and not all of its {count} jobs succeeded ({numbers}){reason}"
    return (
        f"Request {name} is {request.get('state')}{reason}. It has not ended ({numbers}): `mayfly request show {name}` says "
        "what it waits for."
    )
