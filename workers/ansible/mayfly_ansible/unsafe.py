"""Writes extra variables so that Ansible never evaluates a template in them."""

from __future__ import annotations

import json
import os
import re

from mayfly_ansible.errors import WorkerError

MAX_DEPTH = 64
"""Of lists and objects in each other. Ansible's own readers and templates recurse."""

PLAIN = re.compile(r"[A-Za-z0-9_.+:<~=\- \t]*")
"""Texts without `{`, parentheses and quotes are no templates and call nothing. They are not marked, because since 2.19
`!unsafe "007"` is the number 7: a marked text is read as if it had no quotes. All texts that YAML could then take for
a number, a date, a boolean or null consist of these characters."""


def to_unsafe_yaml(variables: dict[str, object]) -> str:
    """A YAML document with `!unsafe` at each text that could be a template or an expression, at every depth.

    The first line keeps Ansible from reading it as JSON, which it tries first.
    """
    pairs = ", ".join(f"? {quoted(name)} : {_value(value, 1)}" for name, value in variables.items())
    return f"---\n{{{pairs}}}\n"


def _value(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise WorkerError(
            os.EX_DATAERR, f"An extra variable of the job is nested more than {MAX_DEPTH} deep."
        )
    if isinstance(value, str):
        return quoted(value) if PLAIN.fullmatch(value) else f"!unsafe {quoted(value)}"
    if isinstance(value, dict):
        # A key after "?" may have any length, others at most 1,024 characters.
        pairs = (f"? {_value(key, depth)} : {_value(item, depth + 1)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_value(item, depth + 1) for item in value)}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    text = json.dumps(value)
    # YAML 1.1 reads 1e+22 as a text.
    is_short = isinstance(value, float) and "." not in text
    return text.replace("e", ".0e") if is_short else text


def quoted(text: str) -> str:
    """A double-quoted scalar of YAML. All but printable ASCII is escaped: YAML folds some line breaks of Unicode."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if 0x20 <= code < 0x7F:
        return character
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
