"""Reads the keys of a JSON object, and refuses those that nobody asked for."""

from __future__ import annotations

import json
import re
from typing import Optional

from mayfly_ansible.errors import WorkerError


class Fields:
    """The keys of an object.

    :param value: what was read from JSON
    :param where: names it at the beginning of error messages
    :param exit_status: of the worker, if something is wrong
    """

    def __init__(self, value: object, where: str, exit_status: int) -> None:
        self.where = where
        self._exit_status = exit_status
        if not isinstance(value, dict):
            raise self.error("is not a JSON object")
        self._value: dict[str, object] = value
        self._asked: set[str] = set()

    def error(self, what: str) -> WorkerError:
        return WorkerError(self._exit_status, f"{self.where} {what}.")

    def wrong(self, key: str, allowed: str) -> WorkerError:
        shown = json.dumps(self._value[key])
        return self.error(f"has {shown[:200]} as {json.dumps(key)}, which is not {allowed}")

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._value

    def text(self, key: str, pattern: str = r".+", allowed: str = "a text") -> str:
        """A text on one line that matches the whole pattern."""
        if not self.has(key):
            raise self.error(f"lacks the key {json.dumps(key)}")
        value = self._value[key]
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.wrong(key, allowed)
        return value

    def optional(self, key: str, pattern: str = r".+", allowed: str = "a text") -> Optional[str]:
        return self.text(key, pattern, allowed) if self.has(key) else None

    def flag(self, key: str) -> bool:
        if not self.has(key):
            return False
        value = self._value[key]
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def texts(self, key: str, pattern: str, allowed: str) -> tuple[str, ...]:
        """A list of texts, by default empty."""
        value = self._value[key] if self.has(key) else []
        if not isinstance(value, list):
            raise self.wrong(key, allowed)
        if not all(isinstance(one, str) and re.fullmatch(pattern, one) for one in value):
            raise self.wrong(key, allowed)
        return tuple(value)

    def objects(self, key: str) -> dict[str, object]:
        """An object with any keys, by default empty."""
        value = self._value[key] if self.has(key) else {}
        if not isinstance(value, dict):
            raise self.wrong(key, "a JSON object")
        return value

    def end(self) -> None:
        """Refuses all keys that were not asked for."""
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise self.error(f"has the unknown key {json.dumps(unknown[0])}; it may have {known}")


def read_json(text: bytes, where: str, exit_status: int) -> object:
    """Reads JSON strictly: UTF-8, no key twice, no NaN."""
    try:
        decoded = text.decode("utf-8")
        value: object = json.loads(decoded, object_pairs_hook=_once, parse_constant=_refuse)
        # Refuses numbers that are too large, and halves of surrogate pairs.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
        return value
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    raise WorkerError(exit_status, f"{where} is not valid JSON: {reason}.")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {json.dumps(key)} is there twice")
        found[key] = value
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number of JSON")
