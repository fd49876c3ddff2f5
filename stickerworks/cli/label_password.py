"""New passwords for people of the annotation server."""

from __future__ import annotations

from pipeline.engine.text import plain
from stickerworks.cli.label_server import FOLDER
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session


def password_command(options: CommandOptions, person: str) -> int:
    """Set and show a person's new password."""
    from annotation.human.studio.passwords import new_password
    from annotation.human.studio.server_paths import ServerPaths

    with open_session("label password", options) as session:
        session.check_trusted("label")
        if options.dry_run:
            session.say(f"  would give {plain(person)} a new password")
            return session.exit_code
        place = ServerPaths(session.workspace.root / FOLDER)
        account, password = new_password(place, session.config.label, person)
        # Not among the results, which --json writes and logs keep.
        session.say(f"{plain(account)} has a new password: {password}")
        session.say("It is shown once, and kept in label-studio/accounts.json.")
    return session.exit_code
