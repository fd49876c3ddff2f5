"""`release export`: a release in the shape of a paper's data set."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.release_profiles import tell_profile
from stickerworks.cli.session import open_session
from stickerworks.cli.work import release_folder


def export_command(
    options: CommandOptions, name: str, folder: Path | None, output: Path | None, webdataset: bool
) -> int:
    """Make one profile of a release."""
    from pipeline.engine.local import worker_count
    from pipeline.release.profiles.beside import folder_beside
    from pipeline.release.profiles.known import find_profile
    from pipeline.release.profiles.make import check_whole, make_profile
    from pipeline.release.profiles.profile import ExportRun

    with open_session("release export", options, reads_only=True, holds=True) as session:
        profile = find_profile(name, webdataset=webdataset)
        release = (folder or release_folder(session)).absolute()
        target = (output or folder_beside(release, profile)).absolute()
        if options.dry_run:
            session.say(f"  {'export':<12} would write {plain(str(target))}")
            return session.exit_code
        engine = session.config.engine
        check_whole(release)
        run = ExportRun(worker_count(engine), lambda line: session.say(f"  {plain(line)}"))
        made = make_profile(release, profile, target, run, min_free_mb=engine.min_free_mb)
        tell_profile(session, "export", made)
    return session.exit_code
