# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the `mayfly` command. The plugins access fleets through it only."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

MESSAGE_PREFIX = "mayfly: "


class CannotRun(Exception):
    """The command cannot be run, or is not `mayfly`. The text is a sentence."""


@dataclass(frozen=True)
class Answer:
    """The result of a verb.

    :ivar printed: the JSON objects on its stdout
    :ivar status: its exit status, which may be that of a job
    :ivar sentence: its error message; None if it printed none
    """

    printed: Sequence[Mapping[str, Any]]
    status: int
    sentence: Optional[str]

    @property
    def reason(self) -> str:
        return self.sentence or f"The command mayfly ended with status {self.status} and printed no reason."


@dataclass(frozen=True)
class Command:
    """The command, with the options that select the fleet."""

    words: Sequence[str]
    fleet: Sequence[str]
    environment: Mapping[str, str]

    def run(
        self,
        verb: str,
        *words: str,
        ids: Sequence[str] = (),
        on_progress: Callable[[Mapping[str, Any]], None] = lambda progress: None,
    ) -> Answer:
        """Runs a verb that prints JSON.

        :param verb: such as "status", or "request run"
        :param on_progress: called with each line of JSON on its stderr
        :raises CannotRun: it cannot be started, or its output is not JSON
        """
        # A producer chooses its ids, so an id may look like an option.
        arguments = [*self.words, *verb.split(), *self.fleet, *words, *(["--", *ids] if ids else [])]
        status, stdout, stderr = self._ended(arguments, on_progress)
        try:
            printed = json_values(stdout)
        except ValueError as error:
            command = " ".join(self.words)
            raise CannotRun(f"The output of {command} {verb} is not JSON ({error}).") from error
        return Answer(printed, status, last_message(stderr))

    def _ended(
        self, arguments: Sequence[str], on_progress: Callable[[Mapping[str, Any]], None]
    ) -> tuple[int, str, str]:
        """The exit status and the outputs of a process, without the progress lines."""
        # stdout goes to a file while stderr is read by lines, because a full pipe would block the process.
        with tempfile.TemporaryFile() as stdout:
            try:
                process = subprocess.Popen(
                    arguments,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                )
            except (OSError, ValueError) as error:
                raise CannotRun(f"The command {self.words[0]} cannot be started: {error}.") from error
            with process:
                try:
                    stderr = [line for line in process.stderr or [] if not _is_progress(line, on_progress)]
                except BaseException:
                    process.kill()
                    raise
            stdout.seek(0)
            return process.returncode, stdout.read().decode("utf-8", "replace"), "".join(stderr)


def _is_progress(line: str, on_progress: Callable[[Mapping[str, Any]], None]) -> bool:
    """Whether a line of stderr is JSON. If so it calls `on_progress`."""
    if not line.startswith("{"):
        return False
    try:
        progress = json.loads(line)
    except ValueError:
        return False
    on_progress(progress)
    return True


def find_command(options: Mapping[str, Any], environment: Mapping[str, str]) -> Command:
    """The command of the option `executable`, of MAYFLY_COMMAND, on PATH, or of the package of this file.

    :raises CannotRun: none of them exists
    """
    named = ((name, options.get(name)) for name in ("stack", "fleet", "outputs", "region"))
    fleet = [word for name, value in named if value is not None for word in (f"--{name}", str(value))]
    return Command(_words(options.get("executable"), environment), fleet, environment)


def _words(executable: Optional[str], environment: Mapping[str, str]) -> Sequence[str]:
    path = environment.get("PATH", os.defpath)
    named = executable or environment.get("MAYFLY_COMMAND")
    if named:
        return _named_command(named, path)
    found = shutil.which("mayfly", path=path)
    if found is not None:
        return [found]
    # The npm package and the repository contain both the collection and the command.
    own = Path(__file__).resolve().parents[6] / "bin" / "mayfly.js"
    node = shutil.which("node", path=path)
    if own.is_file() and node is not None:
        return [node, str(own)]
    raise CannotRun(
        "There is no command mayfly on the PATH. Install it (npm install --global mayfly), or set the option "
        "executable or MAYFLY_COMMAND to its path."
    )


def _named_command(named: str, path: str) -> Sequence[str]:
    try:
        program, *rest = shlex.split(named)
    except ValueError as error:
        raise CannotRun(f"The command {named!r} cannot be parsed: {error}.") from error
    found = shutil.which(os.path.expanduser(program), path=path)
    if found is None:
        raise CannotRun(f"There is no program {program}: see the option executable, or MAYFLY_COMMAND.")
    return [found, *rest]


def last_message(stderr: str) -> Optional[str]:
    """The last message of the command, with the indented lines that belong to it. None if it printed none."""
    lines = stderr.splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith(MESSAGE_PREFIX)]
    if not starts:
        return None
    first, *others = lines[starts[-1] :]
    more = itertools.takewhile(lambda line: line.startswith("  "), others)
    return " ".join([first[len(MESSAGE_PREFIX) :].strip(), *map(str.strip, more)])


def json_values(text: str) -> Sequence[Mapping[str, Any]]:
    """Parses one object, an array of objects, or one object per line.

    :raises ValueError: it is none of these
    """
    try:
        values = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        values = [json.loads(text)]
    objects = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not all(isinstance(value, dict) for value in objects):
        raise ValueError("a value is not an object")
    return objects
