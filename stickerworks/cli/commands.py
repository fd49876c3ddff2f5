"""The commands of single rooms."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.runner import check_crawled
from stickerworks.cli.judging import judge
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session
from stickerworks.cli.update import complete_inputs
from stickerworks.cli.whole import do_room
from stickerworks.cli.work import build, release_folder, write_html


def room_command(room: str, options: CommandOptions) -> int:
    """Bring one room's tables up to date."""
    with open_session(room, options) as session:
        check_crawled(session.workspace)
        complete_inputs(session, room)
        do_room(session, room)
    return session.exit_code


def release_command(options: CommandOptions) -> int:
    """Build the configured release."""
    with open_session("release", options) as session:
        build(session)
    return session.exit_code


def validate_command(
    options: CommandOptions, folder: Path | None, before: Path | None = None
) -> int:
    """Judge a release; 1 when it fails."""
    with open_session("validate", options) as session:
        verdict = judge(session, folder or release_folder(session), before)
        session.failed = verdict != "passed"
    return session.exit_code


def report_command(options: CommandOptions) -> int:
    """Write the HTML report."""
    with open_session("report", options) as session:
        write_html(session)
    return session.exit_code
