"""The ballot: the tag set that annotators choose from, frozen when it is first exported.

The server would accept another tag set under votes already given, so a changed one is refused
until somebody says what became of the old tags.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import yaml

from annotation.human.studio.ledger import Ballot, VoteLedger
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.safe_yaml import MAX_BYTES, parse_yaml, problem, write_yaml
from pipeline.engine.workspace import Workspace

_SHOWN = 5


def current_ballot(workspace: Workspace, ledger: VoteLedger, *, keep: bool) -> Ballot:
    """The ballot to export with: the frozen one, or, at first, the tag set as it is now.

    Raises StickerworksError when the tag set has changed since, unless ``keep`` says to go on
    with the frozen one.
    """
    frozen, now = ledger.ballot(), tagset_ballot(workspace)
    if frozen is not None and (keep or frozen.version == now.version):
        return frozen
    if frozen is None:
        if not now.tags:
            raise StickerworksError(
                f"There is no tag set in {workspace.name}.", "Run `stickerworks tags` first."
            )
        ledger.freeze(now)
        return now
    raise StickerworksError(
        f"The tag set changed after it was exported: {_difference(frozen, now)}.",
        "Go on with the exported one (`label export --keep-tags`), or write what became of the "
        "tags that are gone (`label migrate --draft FILE`, then `label migrate FILE`).",
    )


def tagset_ballot(workspace: Workspace) -> Ballot:
    """The table ``tagset`` as a ballot; tags sorted."""
    rows = workspace.read("tagset", columns=["tag", "version"]).to_pylist()
    version = rows[0]["version"] if rows else None
    return Ballot(version or "", tuple(sorted(row["tag"] for row in rows)))


def draft_changes(workspace: Workspace, ledger: VoteLedger, path: Path) -> int:
    """Write a file to fill in: every tag that is gone, with nothing behind; return their number."""
    frozen = _frozen(ledger)
    gone = sorted(set(frozen.tags) - set(tagset_ballot(workspace).tags))
    if path.exists():
        raise StickerworksError(f"{path} exists already.", "Name a new file.")
    with atomic_file(path) as temporary:
        head = (
            "# Say behind each tag what became of it: the new tag, a list of tags (a split: old\n"
            "# votes get all of them), or [] to drop it from old votes. None may stay blank.\n"
        )
        temporary.write_text(head + "".join(map(_blank, gone)), encoding="utf-8")
    return len(gone)


def migrate_ballot(workspace: Workspace, ledger: VoteLedger, path: Path) -> Ballot:
    """Freeze the tag set of now, with what ``path`` (YAML: old tag to new ones) says of the last.

    Raises StickerworksError when a tag that is gone isn't named or is left blank, or becomes one
    that isn't there.
    """
    frozen, now = _frozen(ledger), tagset_ballot(workspace)
    if frozen.version == now.version:
        raise StickerworksError(
            "The tag set is the exported one; there is nothing to migrate.",
            "Run `stickerworks tags` with the new settings first.",
        )
    changes, blank = _read_changes(path)
    unnamed = sorted(set(frozen.tags) - set(now.tags) - set(changes))
    if blank or unnamed:
        left = "leaves blank" if blank else "doesn't say"
        raise StickerworksError(
            f"{path} {left} what became of {_some(sorted(blank) or unnamed)}.",
            "Name the new tag, a list of tags, or [] to drop it from old votes.",
        )
    strange = sorted(set(changes) - set(frozen.tags))
    missing = sorted({new for named in changes.values() for new in named} - set(now.tags))
    if strange or missing:
        what = "were never exported" if strange else "aren't in the tag set"
        raise StickerworksError(
            f"{path} names tags that {what}: {_some(strange or missing)}.", "Correct the file."
        )
    ledger.freeze(now, changes)
    return now


def _frozen(ledger: VoteLedger) -> Ballot:
    frozen = ledger.ballot()
    if frozen is None:
        raise StickerworksError(
            "No tag set was exported yet, so there is nothing to migrate.",
            "Change it as you like and run `stickerworks label export`.",
        )
    return frozen


def _blank(tag: str) -> str:
    line = write_yaml({tag: None}, width=math.inf)
    return line.removesuffix("null\n").rstrip() + "\n"


def _read_changes(path: Path) -> tuple[Mapping[str, Sequence[str]], Set[str]]:
    """What became of the tags that the file says it of, and the tags that it leaves blank."""
    try:
        held: Any = parse_yaml(read_regular(path, MAX_BYTES)) or {}
    except (OSError, yaml.YAMLError) as error:
        what = problem(error) if isinstance(error, yaml.YAMLError) else error.strerror
        raise StickerworksError(f"Could not read {path}: {what}.", "Correct the file.") from error
    blank = {tag for tag, new in _items(held) if isinstance(tag, str) and new in (None, "")}
    named = {
        tag: [new] if isinstance(new, str) else new for tag, new in _items(held) if tag not in blank
    }
    for tag, new in named.items():
        words = isinstance(new, list) and all(isinstance(word, str) for word in new)
        if not isinstance(tag, str) or not words:
            raise StickerworksError(
                f"{path}: {tag!r} becomes {new!r}, which is no tag or list of tags.",
                "Put quotes around tags that YAML takes for something else.",
            )
    return named, blank


def _items(held: Any) -> Any:
    if not isinstance(held, dict):
        raise StickerworksError("The file of changes is no mapping.", "Write lines `old: new`.")
    return held.items()


def _difference(frozen: Ballot, now: Ballot) -> str:
    gone, new = set(frozen.tags) - set(now.tags), set(now.tags) - set(frozen.tags)
    said = [f"{_some(sorted(gone))} gone"] if gone else []
    said += [f"{_some(sorted(new))} new"] if new else []
    return "; ".join(said) or "its clusters differ under the same names"


def _some(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - _SHOWN:,} more" if len(tags) > _SHOWN else ""
    return ", ".join(tags[:_SHOWN]) + more
