"""Unpacks Node.js from its npm package: unpack_node.py ARCHIVE INTEGRITY DIRECTORY

Writes DIRECTORY/bin/node and DIRECTORY/integrity, which identifies it. Prints `unpacked`, or nothing if this Node.js is
there already. Fails if the archive does not have this INTEGRITY.
"""

import base64
import hashlib
import os
import pathlib
import shutil
import sys
import tarfile

BINARY = "package/bin/node"


def integrity_of(archive):
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return "sha512-" + base64.b64encode(digest.digest()).decode()


def unpack(archive, directory):
    """Writes under another name first, because a running binary cannot be overwritten."""
    target = directory / "bin" / "node"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name("node.new")
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            if member.name == BINARY:
                with tar.extractfile(member) as source, fresh.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                fresh.chmod(0o755)
                fresh.replace(target)
                return
    sys.exit(f"{archive} has no {BINARY}")


def main():
    archive, integrity, directory = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    stamp = directory / "integrity"
    binary = directory / "bin" / "node"
    if os.access(binary, os.X_OK) and stamp.exists() and stamp.read_text() == integrity:
        return
    stamp.unlink(missing_ok=True)
    actual = integrity_of(archive)
    if actual != integrity:
        sys.exit(f"{archive} has the integrity {actual}, expected {integrity}")
    unpack(archive, directory)
    stamp.write_text(integrity)
    stamp.chmod(0o644)
    print("unpacked")


main()
