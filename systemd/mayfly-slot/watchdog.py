"""Pings systemd's watchdog. A worker can stop the slot by a signal (same user). Then systemd kills both."""

from __future__ import annotations

import os
import socket
import time

from polling import NEVER


class Watchdog:
    """Pings systemd three times within WatchdogSec."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        microseconds = int(os.environ.get("WATCHDOG_USEC", "0")) if address else 0
        self._interval = microseconds / 1_000_000 / 3
        self.due_at = 0.0 if microseconds else NEVER
        if microseconds:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.connect(address.replace("@", "\0", 1))

    def tell(self) -> None:
        now = time.monotonic()
        if now >= self.due_at:
            self.due_at = now + self._interval
            self._socket.send(b"WATCHDOG=1")
