"""SHA256SUMS: written last, checked by `sha256sum -c` or by us."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.engine.file_digest import file_sha256

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
SIGNERS = "allowed_signers"
SIGNATURE_FILES = (SIGNATURE, SIGNERS)
"""What signs the checksums, and so stands beside them."""

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_checksums(folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> None:
    """Flush every file below ``folder`` to disk and list its sha256, sorted by name.

    ``known`` has the sums of files that were read already, by name. A signature of earlier sums
    goes.
    """
    for name in SIGNATURE_FILES:
        (folder / name).unlink(missing_ok=True)
    names = [name for name in _files(folder) if name != CHECKSUMS]
    lines = [f"{_flushed(folder / name, known.get(name))}  {name}\n" for name in names]
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
    beside = {name for name in SIGNATURE_FILES if name not in listed}
    present = set(_files(folder)) - {CHECKSUMS} - beside
    for name in sorted(listed.keys() | present):
        if name not in present:
            problems.append(f"{name} is missing")
        elif name not in listed:
            problems.append(f"{name} is not listed in {CHECKSUMS}")
        elif file_sha256(folder / name) != listed[name]:
            problems.append(f"{name} has changed: its sha256 differs from {CHECKSUMS}")
    return problems


def listed_sums(folder: Path) -> dict[str, str]:
    """sha256 of each file of the release as SHA256SUMS lists them; empty without one."""
    path = folder / CHECKSUMS
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else []
    found = [match for line in lines if (match := _LINE.fullmatch(line))]
    return {m[2]: m[1] for m in found if not m[2].startswith("/") and ".." not in Path(m[2]).parts}


def checksums_digest(folder: Path) -> str | None:
    """sha256 of SHA256SUMS itself, which tells releases apart; None without one."""
    path = folder / CHECKSUMS
    return file_sha256(path) if path.is_file() else None


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _flushed(path: Path, known: str | None) -> str:
    """The file's sha256, once it is on disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return known or file_sha256(path)
