"""What became of a run: from what the callback plugin told, and from the exit status of `ansible-playbook`."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional

from mayfly_ansible.errors import Stopped, WorkerError
from mayfly_ansible.events import Events

EXIT_FAILED = 2
EXIT_UNREACHABLE = 4
"""Both as `ansible-playbook` exits. It exits 4 for a playbook that does not parse, too: those are EX_SOFTWARE here."""

EXIT_STOPPED = 128 + signal.SIGTERM

NO_HOST = ("leaves us with no hosts to target", "does not match any hosts")
VAULT = ("Decryption failed", "no vault secrets found")
"""Parts of Ansible's error messages. It has no exit status for these."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    :ivar status: changed, ok, failed, unreachable, no-host-matched, stopped or error
    :ivar message: a sentence for people
    :ivar recap: the line of the target in Ansible's PLAY RECAP
    :ivar failed_task: the task that ended the run, with its file, its line and its message
    :ivar is_quote: Ansible has printed the message already
    """

    exit_status: int
    status: str
    message: Optional[str] = None
    recap: Optional[Mapping[str, int]] = None
    failed_task: Optional[Mapping[str, Any]] = None
    is_quote: bool = False


def decide(exit_status: int, events: Events, error: str, target: str, playbook: str) -> Outcome:
    """:param error: the last error message on the stderr of `ansible-playbook`; may be empty"""
    if events.refused is not None:
        return Outcome(os.EX_DATAERR, "no-host-matched", events.refused)
    if events.recap is None:
        return _of_ansible_error(exit_status, error, target)
    if events.plays == events.unmatched:
        message = f"No play of the playbook {playbook} is for the host {target}."
        return Outcome(os.EX_DATAERR, "no-host-matched", message, events.recap)
    if exit_status == 0:
        return Outcome(0, "changed" if events.recap["changed"] > 0 else "ok", recap=events.recap)
    if exit_status in (EXIT_FAILED, EXIT_UNREACHABLE):
        is_unreachable = exit_status == EXIT_UNREACHABLE
        status = "unreachable" if is_unreachable else "failed"
        return Outcome(exit_status, status, _sentence(events, status, target), events.recap, events.failed)
    return replace(
        _of_ansible_error(exit_status, error, target), recap=events.recap, failed_task=events.failed
    )


def _of_ansible_error(exit_status: int, error: str, target: str) -> Outcome:
    """Ansible ended with an error that is of no task."""
    if any(part in error for part in NO_HOST):
        return Outcome(os.EX_DATAERR, "no-host-matched", f"The inventory has no host {target}.")
    message = error or f"ansible-playbook ended with status {exit_status} and no error message."
    is_vault = any(part in error for part in VAULT)
    return Outcome(os.EX_NOPERM if is_vault else os.EX_SOFTWARE, "error", message, is_quote=error != "")


def _sentence(events: Events, status: str, target: str) -> str:
    what = f"The host {target} is unreachable" if status == "unreachable" else f"A task failed on {target}"
    return f"{what}{_place(': ', events.failed)}."


def _place(before: str, task: Optional[Mapping[str, Any]]) -> str:
    return "" if task is None else f"{before}{task['task']} ({task['file']}:{task['line']})"


def of_error(error: WorkerError) -> Outcome:
    return Outcome(error.exit_status, "error", str(error))


def of_stop(error: Stopped) -> Outcome:
    return Outcome(EXIT_STOPPED, "stopped", str(error))


def stopped_in(task: Optional[Mapping[str, Any]]) -> str:
    return f"The run was stopped by SIGTERM{_place(' in the task ', task)}. What it has begun on its target may go on."
