# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""What is sent: jobs as lines that `mayfly enqueue --json-lines` reads."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

# How the command goes on where it tells a person of its files, and to type it again.
ADVICE = ("The same command", "What was sent is in")

# Most often a variable has no value: what its author meant is not a text of four letters.
IS_NULL = 'is null: write "" for an empty text, or "null" in quotes if that is what the worker is to read.'

SETTINGS = ("async", "delay", "dedupe", "label")


def lines_of(options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The lines of the jobs that the options ask for, in their order.

    :raises ValueError: a body has what no message can have, or is none
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
    # A limit of 0 is none, as with Ansible's own `async`.
    said = {
        name: value for name, value in settings.items() if value is not None and (name, value) != ("async", 0)
    }
    return {"body": text_of(body), **said}


def text_of(body: Any) -> str:
    """The body that a worker gets: a text is left as it is, anything else is written as JSON.

    :raises ValueError: it is not UTF-8
    """
    # What is neither is a text in a guise of Ansible's, such as one out of a vault.
    plain = isinstance(body, (dict, list, int, float))
    text = json.dumps(body, ensure_ascii=False, default=str) if plain else str(body)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"A body is not UTF-8, at character {error.start}: what is no text has to go to a worker in base64."
        ) from error
    return text


@contextmanager
def written(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A file with these lines, in a directory that nobody else reads: bodies may be secrets, and long."""
    with tempfile.TemporaryDirectory(prefix="mayfly-") as directory:
        path = Path(directory) / "jobs.jsonl"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)
        yield str(path)


def sent_jobs(printed: Sequence[Mapping[str, Any]], count: int) -> Sequence[Optional[Mapping[str, Any]]]:
    """For each line what the command said of its job; None of one that was not sent."""
    by_line = {job.get("line"): job for job in printed}
    return [by_line.get(line) for line in range(1, count + 1)]


def of_this_task(sentence: str, file: str) -> str:
    """What the command said of the file of jobs, which nobody but it knows, said of the jobs of a task."""
    said = [part for part in re.split(r"(?<=[.!?]) ", sentence) if not part.startswith(ADVICE)]
    return " ".join(said).replace(f" of {file} were", " were").replace(file, "the task's jobs")
