"""Backup and restore of human annotation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.store.location import is_address
from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session


def backup_command(options: CommandOptions, file: Path, *, replace: bool) -> int:
    """Write a backup; a command that works in the workspace is neither waited for nor disturbed."""
    from annotation.human.studio.backup import back_up, likely_size

    target = _local(file)
    with open_session("label backup", options, reads_only=True) as session:
        if options.dry_run:
            size = likely_size(session.workspace, session.config.label)
            session.say(f"  would save {_mb(size)} MB, packed, in {plain(str(target))}")
            return session.exit_code
        made = back_up(session.workspace, session.config, target, replace=replace)
        held = made.manifest
        session.results["backup"] = {
            "path": str(made.path),
            "size": made.size,
            "label_studio": held.label_studio,
            "ledger": held.ledger,
            "parts": len(held.parts),
        }
        session.say(f"Backup        {plain(str(made.path))}: {_mb(made.size)} MB")
        if held.label_studio or session.config.label.url is None:
            session.say("IT HOLDS PASSWORDS: of everybody who labels, and the key to the server.")
            session.say("Only you can read the file; keep it where nobody else can.")
        else:
            session.say(
                "It holds ledger and votes alone: the server of label.url isn't ours to save."
            )
        session.say(f"To bring it back: stickerworks label restore {plain(str(made.path))}")
    return session.exit_code


def restore_command(options: CommandOptions, file: Path | None, *, replace: bool) -> int:
    """Restore a backup, and the files that the server shows."""
    from annotation.human.studio.restore import restore

    source = None if file is None else _local(file)
    with open_session("label restore", options) as session:
        if options.dry_run:
            session.say("  would bring back server, ledger and votes")
            return session.exit_code
        if source is not None:

            def say(line: str) -> None:
                session.say(plain(line))  # versions are as the file says

            done = restore(source, session.workspace, session.config, replace=replace, say=say)
            session.results["restored"] = {
                "made_at": done.manifest.made_at,
                "parts": len(done.manifest.parts),
                "aside": None if done.aside is None else str(done.aside),
            }
            session.say(f"Restored      the state of {plain(done.manifest.made_at)}")
            if done.aside is not None:
                session.say(f"Put aside     {done.aside}: delete it when you miss nothing")
        _show_again(session)
        session.say("People log in with the passwords of that time: stickerworks label setup")
    return session.exit_code


def _show_again(session: Session) -> None:
    """Files that the server shows; a sticker that can't be shown is no reason to lose the rest."""
    from annotation.human.studio.shown_again import show_again

    found = show_again(session.workspace)
    session.results["shown"] = asdict(found)
    session.say(f"Pictures      of {found.asked - found.missing:,} stickers")
    if found.missing:
        session.incomplete = True
        session.say(
            f"{found.missing:,} stickers that people are asked about are not in this workspace, so "
            "their pictures are missing. Bring them here (copy the workspace's media/ and "
            "tables/, or crawl), then run `stickerworks label restore` without a file."
        )


def _local(file: Path) -> Path:
    if is_address(str(file)):
        raise StickerworksError(
            "A backup is written to, and read from, a disk of this machine.",
            "Name a file here, and copy it to the bucket or from it.",
        )
    return named_path(file, "FILE").absolute()


def _mb(count: int) -> str:
    return f"{count / 2**20:,.1f}"
