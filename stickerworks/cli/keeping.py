"""What a workspace remembers of settings: its own stickerworks.yaml, and what was used last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.safe_yaml import MAX_BYTES, write_yaml
from schemas.config import Config
from stickerworks.cli.configuration import (
    DEFAULT_FILE,
    KEPT_MARK,
    covers,
    parse_config,
    read_own,
    set_key,
    split_overrides,
)
from stickerworks.cli.trust import leaves, may_be_kept

_OURS_MARK = "# Written by `stickerworks"
_OURS = f"""{_OURS_MARK}`: what differs from the defaults, read with --workspace.
# `run FOLDER` sets crawl and release in it, `--keep` sets what --set gives; `demo` writes it anew.
# Without this comment nothing writes to it.
"""
_KEPT = f"""{KEPT_MARK}: settings of this workspace that go beyond the
# configuration, whichever it is. Delete a line to be rid of one.
"""
RECORD = ".settings.json"
"""Digests of the settings that each section's tables were last made with; no values."""

_TABLES = ("crawl", "filter", "tags", "annotate", "merge", "split", "release", "validation")
_MAKES = {name: (name,) for name in _TABLES[:-1]} | {
    "run": _TABLES,
    "demo": _TABLES,
    "crawl retry": ("crawl",),
    "validate": ("validation",),
    "label export": ("label",),
    "label import": ("label", "merge"),
    "label adjudicate": ("label", "merge"),
    "label review": ("merge",),
}
"""Sections of the configuration that decide what a command makes."""
_ALSO_READS = {
    "annotate": ("filter.decode",),
    "split": ("release.labelled_only",),
    "release": _TABLES[:-1],
}
_HOW_ALONE = {
    *(f"crawl.{name}" for name in ("user_agent", "contact", "concurrency", "delay_s")),
    *(f"crawl.{name}" for name in ("timeout_s", "attempts")),
    *(f"label.{name}" for name in ("url", "port", "server", "reconcile_hours")),
}
"""Keys that say how work is done, not what comes of it."""


def save_config(config: Config, workspace: Path) -> None:
    """Keep what differs from the defaults in the workspace, for the commands to come.

    A file there that somebody else wrote stays as it is.
    """
    target = workspace / DEFAULT_FILE
    if target.exists() and not _is_ours(target):
        return
    values = config.model_dump(mode="json", exclude_defaults=True, exclude={"workspace"})
    _write(target, _OURS, values)


def keep_settings(overrides: Sequence[str], workspace: Path) -> str:
    """Put ``key=value`` strings into the workspace's file; returns the line that says so.

    Raises StickerworksError for a file that a person wrote, and for keys that a workspace may not
    set.
    """
    given = dict(split_overrides(overrides))
    # How a workspace in a bucket is reached can't stand in that bucket.
    given = {key: value for key, value in given.items() if key.split(".")[0] != "storage"}
    for key, value in given.items():
        if not may_be_kept(key, value):
            raise StickerworksError(
                f"{key} can't be kept in a workspace, which may come from somebody else.",
                "Give it each time, or put it into a file of your own for --config.",
            )
    target = workspace / DEFAULT_FILE
    own = read_own(workspace)
    if own is None or own.origin == "kept":
        _write(target, _KEPT, {**(own.values if own else {}), **given})
    elif _is_ours(target):
        values = dict(own.values)
        for key, value in given.items():
            set_key(values, key, value)
        parse_config(values, str(target))
        _write(target, _OURS, values)
    else:
        raise StickerworksError(
            f"{target} is a file of your own, so nothing is written to it.",
            f"Write there: {', '.join(given)}.",
        )
    told = ", ".join(given) or "nothing, since storage is given each time"
    return f"Kept for later commands in {target}: {told}"


def differing(command: str, config: Config, workspace: Path) -> list[str]:
    """Keys that decide this command's tables and are set otherwise than the last time.

    Empty where nothing was recorded.
    """
    before, now = _read_record(workspace), dict(_digests(config))
    sections = _MAKES.get(command, ()) + _ALSO_READS.get(command, ())
    known = {key.split(".")[0] for key in before}
    other = {
        key
        for key in before.keys() | now.keys()
        if any(covers(section, key) for section in sections)
        and key.split(".")[0] in known
        and before.get(key) != now.get(key)
    }
    # A mapping that was empty is told by what stands in it now.
    return sorted(key for key in other if not any(one.startswith(f"{key}.") for one in other))


def record(command: str, config: Config, workspace: Path) -> None:
    """Remember the settings of the sections whose tables this command makes."""
    sections = _MAKES.get(command, ())
    before = _read_record(workspace)
    kept = {key: mark for key, mark in before.items() if key.split(".")[0] not in sections}
    now = {key: mark for key, mark in _digests(config) if key.split(".")[0] in sections}
    if kept | now != before:
        with atomic_file(workspace / RECORD) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(kept | now, indent=0), encoding="utf-8")


def _digests(config: Config) -> Iterator[tuple[str, str]]:
    """Every key with a digest of its value: options of plugins may be secret."""
    dumped = config.model_dump(mode="json", include={*_TABLES, "label"})
    for key, value in leaves(dumped):
        if key not in _HOW_ALONE:
            text = json.dumps(value, sort_keys=True, ensure_ascii=False)
            yield key, hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_record(workspace: Path) -> dict[str, str]:
    try:
        found = json.loads(read_regular(workspace / RECORD, MAX_BYTES))
        return {key[:100]: str(mark) for key, mark in found.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def _is_ours(path: Path) -> bool:
    try:
        start = read_regular(path, MAX_BYTES)[:100]
    except OSError:
        return False
    return start.startswith((_OURS_MARK.encode(), KEPT_MARK.encode()))


def _write(target: Path, comment: str, values: Mapping[str, Any]) -> None:
    with atomic_file(target) as temporary:
        temporary.touch(mode=0o600)  # options of plugins are theirs, perhaps secret
        text = write_yaml(dict(values))
        temporary.write_text(comment + text, encoding="utf-8")
