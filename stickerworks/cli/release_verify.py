"""`release verify`: a release's files against its checksums, card and rules."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session
from stickerworks.cli.work import release_folder


def verify_command(options: CommandOptions, folder: Path | None) -> int:
    """Tell every problem of a release; 1 when there is any."""
    from pipeline.release.profiles.make import verify_folder

    with open_session("release verify", options, reads_only=True) as session:
        found = verify_folder(folder or release_folder(session))
        session.failed = bool(found.problems)
        session.results["verify"] = {
            "path": str(found.path),
            "rows": found.rows,
            "files": found.files,
            "problems": list(found.problems),
            "signature": {"state": found.signature.state, "detail": found.signature.detail},
        }
        rows = ", ".join(f"{split} {count:,}" for split, count in found.rows.items())
        state = f"{len(found.problems):,} problems" if found.problems else "sound"
        session.say(f"  {'verify':<12} {state}: {rows} in {found.files:,} files")
        session.say(f"  {'signature':<12} {found.signature.state}: {plain(found.signature.detail)}")
        for problem in found.problems:
            session.say(f"  {'':<12} {plain(problem)}")
    return session.exit_code
