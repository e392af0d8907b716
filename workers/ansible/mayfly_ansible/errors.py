"""Why a job was not run, or not to its end."""

from __future__ import annotations


class WorkerError(Exception):
    """Ends the job. The text is a sentence for people.

    :ivar exit_status: of the worker; one of `os.EX_...`
    """

    def __init__(self, exit_status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


class Stopped(Exception):
    """The worker got SIGTERM."""
