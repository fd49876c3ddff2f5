"""`release diff`: what changed from one release to another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from pipeline.release.diff import ReleaseDiff

_GROUPS = ("relabelled", "texts", "licences", "test sets")


def diff_command(options: CommandOptions, first: str, second: str) -> int:
    """Tell what changed from one release to another: folders, or versions of the workspace."""
    from pipeline.release.diff import diff_releases

    with open_session("release diff", options, reads_only=True) as session:
        one, other = (_folder(session, name) for name in (first, second))
        known = session.workspace.read("tombstones", columns=["id"])["id"].drop_null()
        found = diff_releases(one, other, taken_down=frozenset(known.to_pylist()))
        session.results["diff"] = {**asdict(found), "same": found.is_empty}
        for line in _lines(found):
            session.say(plain(line))
    return session.exit_code


def _folder(session: Session, name: str) -> Path:
    """A folder as it stands, else the release of that name or version in the workspace."""
    if Path(name).is_dir():
        return Path(name)
    releases = session.workspace.releases
    for told in (name, f"{session.config.release.name}-{name}"):
        # A name that leads out of the folder is none of a release.
        if Path(told).name == told and (releases / told).is_dir():
            return releases / told
    return Path(name)


def _lines(found: ReleaseDiff) -> list[str]:
    before, after = found.rows
    lines = [f"  {'rows':<12} {before:,} to {after:,}: {found.added:,} added, "
             f"{sum(found.removed.values()):,} removed, {found.both:,} in both"]  # fmt: skip
    lines += [f"  {'removed':<12} {count:,} {why}" for why, count in found.removed.items()]
    lines += [f"  {'moved':<12} {count:,} from {how}" for how, count in found.moved.items()]
    lines += [f"  {name:<12} {found.changed[name]:,}" for name in _GROUPS if name in found.changed]
    columns = {name: n for name, n in found.changed.items() if name not in _GROUPS}
    if columns:
        told = ", ".join(f"{name} {count:,}" for name, count in columns.items())
        lines.append(f"  {'by column':<12} {told}")
    for what, names in found.columns.items():
        if names:
            lines.append(f"  {'columns':<12} {what}: {', '.join(names)}")
    lines += [f"  {'note':<12} {note}" for note in found.notes]
    return lines if not found.is_empty else [*lines, "  nothing differs"]
