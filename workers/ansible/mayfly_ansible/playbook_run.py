"""Runs `ansible-playbook` to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from typing import IO

from mayfly_ansible.command import Run
from mayfly_ansible.errors import Stopped
from mayfly_ansible.events import read_events
from mayfly_ansible.outcome import Outcome, decide, stopped_in
from mayfly_ansible.processes import end_descendants

MOST_KEPT = 64 * 1024
"""Bytes of stderr in which the last error message is looked for."""

ERROR = re.compile(r"^(?:ERROR! |\[ERROR\]: )(.*)", re.MULTILINE | re.DOTALL)
"""How Ansible begins an error message, before 2.19 and since."""


def run_playbook(run: Run) -> Outcome:
    """Standard output goes to the worker's own, standard error through it.

    :raises Stopped: if the worker was told to stop; all processes have ended then
    """
    words = run.words()
    process = subprocess.Popen(
        words, cwd=run.root, env=run.variables(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    errors = ErrorOutput(process.stderr)
    try:
        exit_status = process.wait()
    except Stopped:
        end_descendants()
        errors.join()
        raise Stopped(stopped_in(read_events(run.events, run.root).task)) from None
    # A connection of OpenSSH that goes on in the background keeps the pipe open.
    end_descendants()
    errors.join()
    events = read_events(run.events, run.root)
    return decide(exit_status, events, errors.last_error(), run.job.target, run.job.playbook.name)


class ErrorOutput(threading.Thread):
    """Passes standard error on, and keeps its end."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._kept = b""
        self.start()

    def run(self) -> None:
        while True:
            chunk = os.read(self._pipe.fileno(), MOST_KEPT)
            if not chunk:
                return
            sys.stderr.buffer.write(chunk)
            sys.stderr.buffer.flush()
            self._kept = (self._kept + chunk)[-MOST_KEPT:]

    def last_error(self) -> str:
        """The last error message, with the place that it names; empty if there is none."""
        text = self._kept.decode("utf-8", "replace")
        starts = [found.start() for found in re.finditer(r"^(?:ERROR! |\[ERROR\]: )", text, re.MULTILINE)]
        found = ERROR.match(text[starts[-1] :]) if starts else None
        return "" if found is None else found[1].strip()
