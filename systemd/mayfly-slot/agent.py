"""The connection to the agent, and its protocol.

Frames, in both directions: the payload's length (4 bytes, big-endian), a letter, the payload. A payload is a list of
fields, each preceded by its length (4 bytes, big-endian). The payload of an output frame is the output itself.

    to the slot   C  check    program, worker directory, PATH
                  R  run      worker directory, standard input, arguments (separated by NUL), variables (likewise), and
                              of each file the variable that gets its path, and its content
                  S  stop     grace period in milliseconds
    to the agent  H  hello    version of the protocol, home of the workers' user
                  X  refusal  a sentence; the slot exits
                  C  checked  `found` and the program's path, or `missing` and a sentence
                  1  output   of stdout; 2: of stderr
                  E  ended    `exited`, `signalled` or `not-started`; status, signal or a sentence; `stopped` or
                              nothing; the memory limit if memory ran out; `last` if the slot exits; the worker's
                              result or nothing; why its result is left out, or nothing
"""

from __future__ import annotations

import os

PROTOCOL = 2
"""The agent has the same number (agent/runner/slot-frames.ts). Each change of a frame needs a new version."""

CHUNK_BYTES = 65_536

HEADER_BYTES = 5


class AgentGone(Exception):
    """The agent has closed the connection."""


class Agent:
    """Never blocks: bytes that cannot be written at once stay in `unsent`."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.unsent = b""
        self._unread = bytearray()

    def send(self, letter: bytes, *fields: bytes) -> None:
        self.relay(letter, b"".join(len(field).to_bytes(4, "big") + field for field in fields))

    def relay(self, letter: bytes, payload: bytes) -> None:
        header = len(payload).to_bytes(4, "big") + letter
        if self.unsent:
            self.unsent += header + payload
            return
        try:
            sent = os.writev(self.descriptor, [header, payload])
        except BlockingIOError:
            sent = 0
        except ConnectionError as error:
            raise AgentGone from error
        if sent < len(header) + len(payload):
            self.unsent = (header + payload)[sent:]

    def flush(self) -> None:
        try:
            self.unsent = self.unsent[os.write(self.descriptor, self.unsent) :]
        except BlockingIOError:
            pass
        except ConnectionError as error:
            raise AgentGone from error

    def read(self) -> None:
        try:
            data = os.read(self.descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        except ConnectionError as error:
            raise AgentGone from error
        if not data:
            raise AgentGone
        self._unread += data

    def frame(self) -> tuple[bytes, list[bytes]] | None:
        """The next complete frame: its letter and its fields."""
        end = HEADER_BYTES + int.from_bytes(self._unread[:4], "big")
        if len(self._unread) < end:
            return None
        letter, payload = bytes(self._unread[4:HEADER_BYTES]), bytes(self._unread[HEADER_BYTES:end])
        del self._unread[:end]
        return letter, fields_of(payload)


def fields_of(payload: bytes) -> list[bytes]:
    fields = []
    at = 0
    while at < len(payload):
        start = at + 4
        at = start + int.from_bytes(payload[at:start], "big")
        fields.append(payload[start:at])
    return fields
