"""The profiles that `release` makes beside a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.text import plain
from schemas.release import SPLITS
from stickerworks.cli.session import Session

if TYPE_CHECKING:
    from pipeline.release.profiles.make import MadeProfile


def make_profiles(session: Session, release: Path) -> None:
    """Make the configured profiles of a release that was just built, unless they are there."""
    from pipeline.engine.local import worker_count
    from pipeline.release.profiles.beside import folder_beside, make_beside
    from pipeline.release.profiles.known import find_profile
    from pipeline.release.profiles.profile import ExportRun

    workers = worker_count(session.config.engine)
    for name in dict.fromkeys(session.config.release.profiles):
        if name == "full":
            continue
        profile = find_profile(name)
        session.workspace.place.fetch_release(folder_beside(release, profile).name)
        with session.part(f"release {name}") as logged:
            made = make_beside(release, profile, session.config, ExportRun(workers, session.tell))
            logged.update(made.rows)
        tell_profile(session, "profile", made)


def tell_profile(session: Session, what: str, made: MadeProfile) -> None:
    """Tell where a profile lies, its rows by split, and what was left out."""
    rows = ", ".join(f"{split} {made.rows[split]:,}" for split in SPLITS if split in made.rows)
    state = "up to date" if made.up_to_date else rows
    session.say(f"  {what:<12} {plain(made.path.name)}: {state}")
    for reason, count in sorted(made.left_out.items()):
        session.say(f"  {'':<12} left out {count:,}: {plain(reason)}")
    told = {"path": str(made.path), "rows": made.rows, "left_out": made.left_out}
    session.results.setdefault("profiles", []).append(told)
