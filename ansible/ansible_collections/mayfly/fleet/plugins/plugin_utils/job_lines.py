# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""The jobs of a task as lines for `mayfly enqueue --json-lines`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

# The beginnings of the command's sentences that advise a person to run it again, and name its files.
ADVICE = ("The same command", "What was sent is in")

# Usually the variable has no value. Its author did not mean the text "null".
IS_NULL = 'is null: write "" for an empty text, or "null" in quotes if the worker has to read that.'

SETTINGS = ("async", "delay", "dedupe", "label", "group", "target")


def job_lines(options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The lines of the jobs in the options, in their order.

    :raises ValueError: a body is null or not UTF-8
    """
    if options["body"] is not None:
        return [_line(options["body"], {}, options)]
    jobs = options["jobs"]
    if jobs is None:
        jobs = [{"body": body} for body in options["bodies"]]
    for number, job in enumerate(jobs, 1):
        if job["body"] is None:
            raise ValueError(f"Body {number} of {len(jobs)} {IS_NULL}")
    return [_line(job["body"], job, options) for job in jobs]


def _line(body: Any, own: Mapping[str, Any], common: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = {name: common[name] if own.get(name) is None else own[name] for name in SETTINGS}
    # A limit of 0 means no limit, as with Ansible's own `async`.
    given = {
        name: value for name, value in settings.items() if value is not None and (name, value) != ("async", 0)
    }
    return {"body": body_text(body), **given}


def body_text(body: Any) -> str:
    """The body that a worker gets: a string is not changed, anything else becomes JSON.

    :raises ValueError: it is not UTF-8
    """
    # Any other type is a kind of string of Ansible, such as one from a vault.
    plain = isinstance(body, (dict, list, int, float))
    text = json.dumps(body, ensure_ascii=False, default=str) if plain else str(body)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"A body is not UTF-8, at character {error.start}: send binary data in base64."
        ) from error
    return text


@contextmanager
def lines_file(lines: Sequence[Mapping[str, Any]], name: str = "jobs.jsonl") -> Iterator[str]:
    """A file with these lines that only its user can read, because bodies may be secret, and long."""
    with tempfile.TemporaryDirectory(prefix="mayfly-") as directory:
        path = Path(directory) / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)
        yield str(path)


def sent_jobs(printed: Sequence[Mapping[str, Any]], count: int) -> Sequence[Optional[Mapping[str, Any]]]:
    """The command's output for the job of each line. None: it was not sent."""
    by_line = {job.get("line"): job for job in printed}
    return [by_line.get(line) for line in range(1, count + 1)]


def for_this_task(sentence: str, file: str) -> str:
    """Rewrites a message of the command: it names the task's jobs instead of the temporary file, without the advice."""
    parts = [part for part in re.split(r"(?<=[.!?]) ", sentence) if not part.startswith(ADVICE)]
    return " ".join(parts).replace(f" of {file} were", " were").replace(file, "the task's jobs")
