"""What must hold before a slot runs a worker."""

from __future__ import annotations

import ctypes
import socket

CREDENTIALS = ((socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "fd00:ec2::254"))
"""Where an instance gets its role's credentials ("Access instance metadata for an EC2 instance")."""

PR_SET_DUMPABLE = 4
"""prctl(2)"""


class Refusal(Exception):
    """Why this slot runs no worker, as a sentence."""


def hide() -> None:
    """No process of the same user may trace this one, read its memory or take its descriptors."""
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise Refusal("the kernel does not let the slot protect itself (PR_SET_DUMPABLE)")


def refuse_credentials() -> None:
    """Without the unit's IPAddressDeny a worker could take the instance's role, which can end instances."""
    for family, address in CREDENTIALS:
        answer = refusal_of(family, address)
        if answer is None:
            continue
        raise Refusal(
            f"the instance metadata at {address} is not closed to workers ({answer}): IPAddressDeny of"
            " mayfly-slot@.service does not hold here"
        )


def refusal_of(family: int, address: str) -> str | None:
    """Sends a packet that the kernel must refuse at once: None when it does, else what it said instead."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"", (address, 80))
        return "a packet was sent"
    except PermissionError:
        return None
    except OSError as error:
        # Most machines have no IPv6: nothing gets through then either.
        return None if family == socket.AF_INET6 else error.strerror
