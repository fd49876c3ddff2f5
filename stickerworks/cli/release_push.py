"""`release push`: a verified, judged release to a hub."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain
from stickerworks.cli.display import say_size
from stickerworks.cli.judging import verdict_of
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session
from stickerworks.cli.work import release_folder


def push_command(
    options: CommandOptions,
    folder: Path | None,
    repo: str,
    endpoint: str | None,
    private: bool,
    force: bool,
) -> int:
    """Push a release to a data set repository; refuses one that is unsound or failed its gate."""
    from pipeline.release.push import PUBLIC, Destination, push_release
    from pipeline.release.verify import verify_release

    with open_session("release push", options, reads_only=True, holds=True) as session:
        found = folder or release_folder(session)
        problems = verify_release(found).problems
        if problems:
            raise StickerworksError(
                f"{found} is not sound: {plain(problems[0])}"
                + (f" (and {len(problems) - 1} more)." if len(problems) > 1 else "."),
                "Build or get it again; an unsound release is never pushed.",
            )
        verdict = verdict_of(session, found)
        if verdict == "failed" and not force:
            raise StickerworksError(
                f"{found.name} failed its gate (reports/gate.json says why).",
                "Mend what it names and release a new version, or add --force.",
            )
        if verdict != "passed":
            session.say(f"  {'push':<12} note: its gate {verdict or 'has given no verdict'}")
        to = Destination(repo, endpoint or PUBLIC, private, os.environ.get("HF_TOKEN"))
        if options.dry_run:
            session.say(f"  {'push':<12} would push {found} to {plain(repo)}")
            return session.exit_code
        done = push_release(found, to, force=force, say=session.say)
        session.results["push"] = {**asdict(done), "gate": verdict}
        session.say(
            f"  {'push':<12} {done.files:,} files, {say_size(done.nbytes)}, at {plain(done.url)}, "
            f"commit {plain(done.commit[:12])}; every sha256 there is ours"
        )
    return session.exit_code
