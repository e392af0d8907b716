# Copyright (c) 2026 The Mayfly authors
# SPDX-License-Identifier: Apache-2.0
"""The `mayfly` command as the plugins run it: whatever talks to a fleet is in there, and nowhere else."""

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

SPEAKS_WITH = "mayfly: "


class CannotRun(Exception):
    """The command cannot be run, or is not ours; a sentence."""


@dataclass(frozen=True)
class Answer:
    """What came of a verb.

    :ivar printed: the JSON objects on its stdout
    :ivar status: its exit status, which may be a job's own
    :ivar sentence: why it could not be done, in its own words; None if it said nothing of the kind
    """

    printed: Sequence[Mapping[str, Any]]
    status: int
    sentence: Optional[str]

    @property
    def reason(self) -> str:
        return self.sentence or f"The command mayfly ended with status {self.status} and did not say why."


@dataclass(frozen=True)
class Command:
    """The command, with the options that say which fleet is meant."""

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

        :param on_progress: called with each line of JSON on its stderr, as it comes
        :raises CannotRun: it cannot be started, or printed something else
        """
        # An id is whatever a producer made of it: it must not be read as an option.
        arguments = [*self.words, verb, *self.fleet, *words, *(["--", *ids] if ids else [])]
        status, stdout, stderr = self._ended(arguments, on_progress)
        try:
            printed = json_values(stdout)
        except ValueError as error:
            words_of_it = " ".join(self.words)
            raise CannotRun(f"What {words_of_it} {verb} printed is no JSON ({error}).") from error
        return Answer(printed, status, sentence_in(stderr))

    def _ended(
        self, arguments: Sequence[str], on_progress: Callable[[Mapping[str, Any]], None]
    ) -> tuple[int, str, str]:
        """The exit status and the outputs of a process, progress left out."""
        # A file takes all of stdout while stderr is read by lines; a pipe would be full, and the process wait for its reader.
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
    """Whether a line of stderr is one of JSON, which is told then."""
    if not line.startswith("{"):
        return False
    try:
        progress = json.loads(line)
    except ValueError:
        return False
    on_progress(progress)
    return True


def find_command(options: Mapping[str, Any], environment: Mapping[str, str]) -> Command:
    """The command of the option `executable`, of MAYFLY_COMMAND, on PATH, or of the package that this file is in.

    :raises CannotRun: there is none of them
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
    # In the npm package, and in a checkout, the collection has the command beside it.
    own = Path(__file__).resolve().parents[6] / "bin" / "mayfly.js"
    node = shutil.which("node", path=path)
    if own.is_file() and node is not None:
        return [node, str(own)]
    raise CannotRun(
        "There is no command mayfly on the PATH. Install it (npm install --global mayfly), or say where it is: "
        "in the option executable, or in MAYFLY_COMMAND."
    )


def _named_command(named: str, path: str) -> Sequence[str]:
    try:
        program, *rest = shlex.split(named)
    except ValueError as error:
        raise CannotRun(f"The command {named!r} cannot be read: {error}.") from error
    found = shutil.which(os.path.expanduser(program), path=path)
    if found is None:
        raise CannotRun(f"There is no program {program}: see the option executable, or MAYFLY_COMMAND.")
    return [found, *rest]


def sentence_in(told: str) -> Optional[str]:
    """The last that the command said of itself, if it did, with the indented lines that belong to it; progress is none."""
    lines = told.splitlines()
    said = [place for place, line in enumerate(lines) if line.startswith(SPEAKS_WITH)]
    if not said:
        return None
    first, *others = lines[said[-1] :]
    more = itertools.takewhile(lambda line: line.startswith("  "), others)
    return " ".join([first[len(SPEAKS_WITH) :].strip(), *map(str.strip, more)])


def json_values(text: str) -> Sequence[Mapping[str, Any]]:
    """One object, an array of them, or one a line.

    :raises ValueError: it is none of these
    """
    try:
        values = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        values = [json.loads(text)]
    objects = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not all(isinstance(value, dict) for value in objects):
        raise ValueError("there is no object where one is expected")
    return objects
