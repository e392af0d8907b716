"""Waiting for descriptors."""

from __future__ import annotations

import select

NEVER = float("inf")


def ready(watched: list[tuple[int, int]], seconds: float | None) -> set[int]:
    """Those of the descriptors, each with its events, on which something comes in time."""
    poll = select.poll()
    for descriptor, events in watched:
        poll.register(descriptor, events)
    # Rounded up: a wait that ends just before its time would begin again and again.
    came = poll.poll(None if seconds is None else int(seconds * 1000 + 0.999))
    return {descriptor for descriptor, _ in came}
