"""Checks that a slot makes before it runs a worker."""

from __future__ import annotations

import ctypes
import socket

CREDENTIALS = ((socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "fd00:ec2::254"))
"""The addresses of the instance metadata service ("Access instance metadata for an EC2 instance")."""

PR_SET_DUMPABLE = 4
"""prctl(2)"""


class Refusal(Exception):
    """Why this slot does not run workers, as a sentence."""


def hide() -> None:
    """Keeps other processes of the user from tracing this one, reading its memory or taking its descriptors."""
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
            " mayfly-slot@.service has no effect here"
        )


def refusal_of(family: int, address: str) -> str | None:
    """Sends a packet that the kernel must refuse. None if it does, else what happened instead."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"", (address, 80))
        return "a packet was sent"
    except PermissionError:
        return None
    except OSError as error:
        # Most machines have no IPv6. Then the address cannot be reached either.
        return None if family == socket.AF_INET6 else error.strerror
