"""Finds the fleet's program as its workers will: with their user, their file systems and their PATH."""

from __future__ import annotations

import os


def checked(fields: list[bytes]) -> tuple[bytes, bytes]:
    """A program with a slash is a path relative to the worker directory. Any other is looked up on PATH."""
    word, directory, path = map(os.fsdecode, fields)
    if "/" in word:
        file = os.path.normpath(os.path.join(directory, word))
        problem = why_not_runnable(file)
        return (b"missing", os.fsencode(problem)) if problem else (b"found", os.fsencode(file))
    for part in path.split(":"):
        file = os.path.normpath(os.path.join(part or ".", word))
        if not why_not_runnable(file):
            return b"found", os.fsencode(file)
    return b"missing", os.fsencode(f"there is no such program on PATH ({path})")


def why_not_runnable(file: str) -> str | None:
    if not os.path.exists(file):
        return f"there is no file {file}"
    if not os.path.isfile(file):
        return f"{file} is not a file"
    if not os.access(file, os.X_OK):
        return f"{file} is not executable (chmod +x)"
    interpreter = interpreter_of(file)
    if interpreter and not os.access(interpreter, os.X_OK):
        return f"{file} asks for the interpreter {interpreter}, which is not there or not executable"
    return None


def interpreter_of(file: str) -> str | None:
    try:
        with open(file, "rb") as script:
            line = script.read(256).split(b"\n", 1)[0]
    except OSError:
        # A program that may be executed but not read is not a script.
        return None
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None
