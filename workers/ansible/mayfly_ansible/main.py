"""Reads a job, runs its playbook, reports its end."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Mapping, Optional

from mayfly_ansible.body import parse_job
from mayfly_ansible.checkout import check_out
from mayfly_ansible.command import Run
from mayfly_ansible.config import read_config
from mayfly_ansible.errors import Stopped, WorkerError
from mayfly_ansible.outcome import Outcome, of_error, of_stop, stopped_in
from mayfly_ansible.playbook_run import run_playbook
from mayfly_ansible.private_files import private_directory, private_files
from mayfly_ansible.processes import adopt_orphans, end_descendants
from mayfly_ansible.result import write_result

CONFIG = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "playbooks.json")


def main() -> int:
    """Returns the exit status: docs/contracts.md, "The Ansible worker"."""
    outcome = _outcome(sys.stdin.buffer.read(), os.environ)
    if outcome.message is not None and not outcome.is_quote:
        print(f"mayfly-ansible: {outcome.message}", file=sys.stderr)
    write_result(os.environ.get("MAYFLY_RESULT"), outcome)
    return outcome.exit_status


def _outcome(body: bytes, environment: Mapping[str, str]) -> Outcome:
    adopt_orphans()
    try:
        signal.signal(signal.SIGTERM, _stop)
        return _run(body, environment)
    except WorkerError as error:
        return of_error(error)
    except Stopped as stopped:
        return of_stop(stopped)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants()


def _run(body: bytes, environment: Mapping[str, str]) -> Outcome:
    config = read_config(CONFIG)
    job = parse_job(body, environment.get("MAYFLY_TARGET", ""), config)
    with private_files() as files, private_directory() as home:
        root = os.getcwd()
        if job.playbook.repository is not None:
            root = check_out(job.playbook.repository, config, environment, files)
        events = os.path.join(home, "events.jsonl")
        return run_playbook(Run(job, config, root, home, events, files, environment))


def _stop(number: int, frame: Optional[FrameType]) -> None:
    """The first SIGTERM ends what is going on. Another one would interrupt that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped(stopped_in(None))
