"""A job: what its producer chose among what the owner allows."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from dataclasses import dataclass

from mayfly_ansible.config import Config, Playbook
from mayfly_ansible.errors import WorkerError
from mayfly_ansible.fields import Fields, read_json

TAG = r"[\w.:/@+-]+"
"""Neither a comma, at which Ansible would split it, nor a template."""

HOST = r"[A-Za-z0-9_.](?:[A-Za-z0-9_.@%/-])*"
"""None of the characters of a pattern of hosts."""


@dataclass(frozen=True)
class Job:
    """What runs: `ansible-playbook --limit <target>` of one playbook."""

    playbook: Playbook
    target: str
    check: bool
    diff: bool
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]
    extra_vars: dict[str, object]


def parse_job(body: bytes, target: str, config: Config) -> Job:
    """Reads a job.

    :param target: MAYFLY_TARGET
    :raises WorkerError: with exit status 65, as no other try can succeed
    """
    where = "The job's body"
    fields = Fields(read_json(body, where, os.EX_DATAERR), where, os.EX_DATAERR)
    tags = "a list of tags: letters, digits and . _ : / @ + -"
    playbook = _find_playbook(fields, config)
    job = Job(
        playbook=playbook,
        target=check_target(target),
        check=fields.flag("check"),
        diff=fields.flag("diff"),
        tags=fields.texts("tags", TAG, tags),
        skip_tags=fields.texts("skipTags", TAG, tags),
        extra_vars=_extra_vars(fields, playbook),
    )
    fields.end()
    return job


def check_target(target: str) -> str:
    """Refuses what Ansible would take for a pattern or a file. Names of groups are refused by the callback plugin."""
    if not target:
        raise WorkerError(os.EX_DATAERR, "The job has no target: MAYFLY_TARGET is empty.")
    if not re.fullmatch(HOST, target) and not _is_ipv6(target):
        raise WorkerError(os.EX_DATAERR, f"The target {json.dumps(target)} is not the name of one host.")
    return target


def _is_ipv6(target: str) -> bool:
    try:
        return ipaddress.ip_address(target).version == 6
    except ValueError:
        return False


def _find_playbook(fields: Fields, config: Config) -> Playbook:
    name = fields.text("playbook")
    if name not in config.playbooks:
        known = ", ".join(sorted(config.playbooks)) or "none"
        raise fields.error(f"names the unknown playbook {json.dumps(name)}; the fleet has {known}")
    return config.playbooks[name]


def _extra_vars(fields: Fields, playbook: Playbook) -> dict[str, object]:
    extra_vars = fields.objects("extraVars")
    for name in extra_vars:
        if name not in playbook.extra_vars:
            allowed = ", ".join(playbook.extra_vars) or "none"
            raise fields.error(
                f"sets the variable {json.dumps(name)}; the playbook {playbook.name} allows {allowed}"
            )
    return extra_vars
