"""Waiting for descriptors."""

from __future__ import annotations

import select

NEVER = float("inf")


def ready(watched: list[tuple[int, int]], seconds: float | None) -> set[int]:
    """The descriptors on which one of their events occurs in time."""
    poll = select.poll()
    for descriptor, events in watched:
        poll.register(descriptor, events)
    # Rounded up, because a wait that ends just before its time would be repeated many times.
    came = poll.poll(None if seconds is None else int(seconds * 1000 + 0.999))
    return {descriptor for descriptor, _ in came}
