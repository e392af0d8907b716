"""Carries out the agent's requests.

waiting -> running -> draining -> emptying -> waiting, or exit if something cannot be removed
"""

from __future__ import annotations

import os
import select
import signal
import time

from agent import CHUNK_BYTES, Agent
from cgroup import Cgroup, own_memory_score, reset_memory_score
from job_files import JobFiles
from leftovers import Leftovers
from polling import NEVER, ready
from program import checked
from watchdog import Watchdog
from worker import Worker, why_not_started


WORKER_FIELDS = 4
"""Fields of a request to run, before those of the files."""


class Slot:
    def __init__(self, agent: Agent, cgroup: Cgroup, files: JobFiles, leftovers: Leftovers) -> None:
        self._agent = agent
        self._cgroup = cgroup
        self._files = files
        self._leftovers = leftovers
        self._watchdog = Watchdog()
        self._protected = own_memory_score() != 0

    def serve(self) -> None:
        """Returns when the slot has to exit. Raises AgentGone."""
        while True:
            self._wait([], NEVER)
            while frame := self._agent.frame():
                letter, fields = frame
                if letter == b"C":
                    self._agent.send(b"C", *checked(fields))
                elif letter == b"R" and not self._run(fields):
                    return

    def _run(self, fields: list[bytes]) -> bool:
        """Runs a worker to its end. False if it left something that only the end of the slot removes."""
        kills = self._cgroup.memory_kills()
        try:
            self._leftovers.prepare()
            worker = Worker(fields[:WORKER_FIELDS], self._files.create(fields[WORKER_FIELDS:]))
        except OSError as error:
            clean = all([self._files.remove(), self._leftovers.remove()])
            self._send_end(b"not-started", why_not_started(error, fields), clean=clean)
            return clean
        if self._protected:
            reset_memory_score(worker.pid)
        try:
            self._attend(worker, kills)
        finally:
            # The files are removed first, also if the agent has gone.
            worker.signal(signal.SIGKILL)
            clean = self._cgroup.empty()
            result, problem = self._files.result()
            clean = self._files.remove() and clean
        self._read_rest(worker)
        status = worker.collect()
        short = self._cgroup.memory_kills() > kills
        clean = self._leftovers.remove() and clean
        self._send_end(
            b"signalled" if status < 0 or short else b"exited",
            b"%d" % (signal.SIGKILL if short else abs(status)),
            b"stopped" if worker.stopped else b"",
            self._cgroup.memory_limit() if short else b"",
            (result, problem),
            clean,
        )
        return clean

    def _attend(self, worker: Worker, kills: int) -> None:
        """Returns when the worker has exited and its output has ended, or when the time for that is over."""
        memory = self._cgroup.memory_events
        while True:
            worker.look()
            self._obey(worker)
            now = time.monotonic()
            if worker.exited and (not worker.outputs or now >= worker.drained_by):
                return
            if now >= worker.kill_at:
                self._kill(worker)
            came = self._wait(self._watched(worker), min(worker.drained_by, worker.kill_at))
            for output in came.intersection(worker.outputs):
                self._relay(worker, output)
            if memory in came and self._cgroup.memory_kills() > kills:
                self._kill(worker)

    def _watched(self, worker: Worker) -> list[tuple[int, int]]:
        watched = [] if worker.exited else [(worker.exit, select.POLLIN)]
        if self._cgroup.memory_events is not None:
            watched.append((self._cgroup.memory_events, select.POLLPRI))
        # No output is read while the agent does not read, so a worker that prints too fast blocks.
        if not self._agent.unsent:
            watched += [(output, select.POLLIN) for output in worker.outputs]
        return watched

    def _obey(self, worker: Worker) -> None:
        while frame := self._agent.frame():
            letter, fields = frame
            if letter == b"S":
                worker.stop(int(fields[0]) / 1000)

    def _kill(self, worker: Worker) -> None:
        worker.kill_at = NEVER
        worker.signal(signal.SIGKILL)
        self._cgroup.kill()

    def _relay(self, worker: Worker, output: int) -> bool:
        """Sends available output to the agent. False if there is none, or if the output has ended."""
        try:
            data = os.read(output, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._agent.relay(worker.outputs[output], data)
            return True
        del worker.outputs[output]
        os.close(output)
        return False

    def _read_rest(self, worker: Worker) -> None:
        """Sends the rest of the output when no process is left to write, as fast as the agent reads it."""
        for output in list(worker.outputs):
            while self._relay(worker, output):
                self._flush()
        worker.close()

    def _send_end(
        self,
        kind: bytes,
        value: bytes,
        stopped: bytes = b"",
        limit: bytes = b"",
        result: tuple[bytes, bytes] = (b"", b""),
        clean: bool = True,
    ) -> None:
        self._agent.send(b"E", kind, value, stopped, limit, b"" if clean else b"last", *result)
        self._flush()

    def _flush(self) -> None:
        while self._agent.unsent:
            self._wait([], NEVER)

    def _wait(self, watched: list[tuple[int, int]], until: float) -> set[int]:
        """The descriptors with an event before `until`. Data of the agent is read meanwhile."""
        agent = self._agent
        events = select.POLLIN | (select.POLLOUT if agent.unsent else 0)
        until = min(until, self._watchdog.due_at)
        seconds = None if until == NEVER else max(0.0, until - time.monotonic())
        came = ready([(agent.descriptor, events), *watched], seconds)
        self._watchdog.tell()
        if agent.descriptor in came:
            if agent.unsent:
                agent.flush()
            agent.read()
        return came
