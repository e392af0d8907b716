"""What is sent: jobs as lines that `mayfly enqueue --json-lines` reads."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

SETTINGS = ("async", "delay", "dedupe", "group")


def lines_of(options: Mapping[str, Any]) -> Sequence[str]:
    """The lines of the jobs that the options ask for, in their order.

    :raises ValueError: a body has what no message can have
    """
    if options["jobs"] is not None:
        return [_line(job["body"], job, options) for job in options["jobs"]]
    bodies = [options["body"]] if options["bodies"] is None else options["bodies"]
    return [_line(body, {}, options) for body in bodies]


def _line(body: Any, own: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    settings = {name: common[name] if own.get(name) is None else own[name] for name in SETTINGS}
    job = {"body": text_of(body), **{name: value for name, value in settings.items() if value is not None}}
    return json.dumps(job)


def text_of(body: Any) -> str:
    """The body that a worker gets: a text is left as it is, anything else is written as JSON.

    :raises ValueError: it is not UTF-8
    """
    # What is neither is a text in a guise of Ansible's, such as one out of a vault.
    plain = isinstance(body, (dict, list, int, float)) or body is None
    text = json.dumps(body, ensure_ascii=False, default=str) if plain else str(body)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"A body is not UTF-8, at character {error.start}: what is no text has to go to a worker in base64."
        ) from error
    return text


@contextmanager
def written(lines: Sequence[str]) -> Iterator[str]:
    """A file with these lines, in a directory that nobody else reads: bodies may be secrets, and long."""
    with tempfile.TemporaryDirectory(prefix="mayfly-") as directory:
        path = Path(directory) / "jobs.jsonl"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        yield str(path)


def sent_jobs(printed: Sequence[Any], count: int) -> Sequence[Optional[Mapping[str, Any]]]:
    """For each line what the command said of its job; None of one that was not sent."""
    sent: list[Optional[Mapping[str, Any]]] = [None] * count
    for at, job in enumerate(printed):
        line = int(job.get("line", at + 1)) - 1
        if 0 <= line < count:
            sent[line] = job
    return sent
