"""SHA256SUMS: written last, checked by `sha256sum -c` or by us."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_checksums(folder: Path) -> None:
    """Flush every file below ``folder`` to disk and list its sha256, sorted by name."""
    lines = [f"{_sha256(folder / name, sync=True)}  {name}\n" for name in _files(folder)]
    path = folder / CHECKSUMS
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def check_checksums(folder: Path) -> list[str]:
    """What differs from SHA256SUMS: changed, missing and unlisted files, one line each."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return [f"{CHECKSUMS} is missing"]
    listed: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2].startswith("/") or ".." in Path(match[2]).parts:
            problems.append(f"{CHECKSUMS} line {number} is not a checksum of a file of the release")
        else:
            listed[match[2]] = match[1]
    present = set(_files(folder)) - {CHECKSUMS}
    for name in sorted(listed.keys() | present):
        if name not in present:
            problems.append(f"{name} is missing")
        elif name not in listed:
            problems.append(f"{name} is not listed in {CHECKSUMS}")
        elif _sha256(folder / name) != listed[name]:
            problems.append(f"{name} has changed: its sha256 differs from {CHECKSUMS}")
    return problems


def read_checksums(folder: Path) -> dict[str, str]:
    """The sha256 of each listed file; for a release whose checksums were checked."""
    lines = (folder / CHECKSUMS).read_text("utf-8").splitlines()
    return {line[66:]: line[:64] for line in lines}


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _sha256(path: Path, sync: bool = False) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
    return digest
