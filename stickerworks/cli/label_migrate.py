"""Takes a changed tag set into use: a draft, a look at what it does, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stickerworks.cli.label_answers import merge_answers, spare_simulated, write_ledger
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.migration_preview import Example, MigrationPreview
    from annotation.human.studio.ledger import VoteLedger


def draft_command(options: CommandOptions, path: Path) -> int:
    """Write a file that names what is gone, filled in as far as people said."""
    from annotation.human.studio.drafting import draft_changes
    from annotation.human.studio.ledger import open_ledger

    with open_session("label migrate", options) as session:
        _check_ledger(session)
        if options.dry_run:
            session.say(f"  would write {path}")
            return session.exit_code
        with open_ledger(session.workspace.root) as ledger:
            drafted = draft_changes(session.workspace, ledger, path)
        blank = sum(line.becomes is None for line in drafted)
        session.results["draft"] = {"tags": len(drafted), "blank": blank}
        session.say(f"{path} names {len(drafted):,} tags that are gone.")
        rest = f"; fill in the other {blank:,}" if blank else ""
        session.say(
            f"People's naming says what became of {len(drafted) - blank:,} of them{rest}. Then "
            "look what it does: `stickerworks label migrate FILE --dry-run`."
        )
    return session.exit_code


def migrate_command(
    options: CommandOptions, path: Path, who: str | None, *, replace_simulated: bool = False
) -> int:
    """Show what a file would do to labels, and do it."""
    from annotation.human.studio.ledger import open_ledger, read_ledger
    from annotation.human.studio.migrating import (
        apply_migration,
        plan_migration,
        preview_migration,
    )

    with open_session("label migrate", options) as session:
        _spare_simulated(session, replace=replace_simulated)
        _check_ledger(session)
        opened = read_ledger if options.dry_run else open_ledger
        with opened(session.workspace.root) as ledger:
            if _was_finished(session, ledger, path):
                return session.exit_code
            planned = plan_migration(session.workspace, ledger, path)
            found, _ = preview_migration(session.workspace, ledger, session.config, planned)
            _show(session, found)
            if options.dry_run:
                session.say("Nothing was changed; the same command without --dry-run does it.")
                return session.exit_code
            # What is undone is what was there before, so that is made as of now.
            session.do(plan_of("merge"))
            ballot = apply_migration(session.workspace, ledger, planned, who)
            told = f"Votes are read with the {len(ballot.tags):,} new tags from now on."
            _make_what_follows(session, ledger, told)
        session.say("`label migrate --undo` takes it back, until something is exported again.")
    return session.exit_code


def undo_command(
    options: CommandOptions, who: str | None, *, replace_simulated: bool = False
) -> int:
    """Take the newest migration back."""
    from annotation.human.studio.ledger import open_ledger
    from annotation.human.studio.migrating import plan_undo, preview_undo, undo_migration

    with open_session("label migrate", options) as session:
        _spare_simulated(session, replace=replace_simulated)
        _check_ledger(session)
        with open_ledger(session.workspace.root) as ledger:
            if _was_finished(session, ledger, None):
                return session.exit_code
            newest = plan_undo(ledger)
            found, _ = preview_undo(session.workspace, ledger, session.config, newest)
            _show(session, found)
            if options.dry_run:
                session.say("Nothing was changed; the same command without --dry-run does it.")
                return session.exit_code
            ballot = undo_migration(ledger, newest, who)
            session.results["undone"] = {"number": newest.number, "ballot": ballot.version}
            told = f"Votes are read with the {len(ballot.tags):,} tags of before again."
            _make_what_follows(session, ledger, told)
    return session.exit_code


def _make_what_follows(session: Session, ledger: VoteLedger, told: str) -> None:
    """Bring tables and labels to what the ledger says, and only then call the work finished."""
    from annotation.human.studio.frozen import finish

    write_ledger(session, ledger)
    session.say(told)
    merge_answers(session)
    finish(ledger)


def _was_finished(session: Session, ledger: VoteLedger, path: Path | None) -> bool:
    """Finish what was interrupted; whether that is all that the command asks (no path: to undo)."""
    from annotation.human.studio.changes_file import read_changes_file
    from annotation.human.studio.frozen import unfinished

    begun = unfinished(ledger)
    if begun is None:
        return False
    undone = begun.undone_at is not None
    when = begun.undone_at or begun.applied_at
    what = f"migration {begun.number}, from ballot {begun.from_version} to {begun.to_version}"
    what = f"{'Undoing' if undone else 'Applying'} {what} ({when}) was interrupted"
    if session.options.dry_run:
        session.say(f"{what}; the same command without --dry-run finishes it.")
        return True
    _make_what_follows(session, ledger, f"{what}, and is finished now:")
    session.results["finished"] = {"number": begun.number, "undone": undone}
    if path is not None:
        is_all = not undone and read_changes_file(path).content == begun.content
    else:
        is_all = undone
    if is_all:
        session.say("Nothing else was done.")
    return is_all


def _spare_simulated(session: Session, *, replace: bool) -> None:
    from annotation.human.studio.tables import simulated_votes

    if not session.options.dry_run:
        spare_simulated(session, replace=replace)
    elif count := simulated_votes(session.workspace):
        session.say(f"{count:,} simulated votes would make room for those of people.")


def _check_ledger(session: Session) -> None:
    from annotation.human.studio.ballot import nothing_exported
    from annotation.human.studio.ledger import LEDGER

    if not (session.workspace.root / LEDGER).exists():
        raise nothing_exported()


def _show(session: Session, found: MigrationPreview) -> None:
    session.results["preview"] = asdict(found)
    for line in preview_lines(found):
        session.say(line)


def preview_lines(found: MigrationPreview) -> list[str]:
    """A preview for people: labels by status, moves between statuses, kinds, examples."""
    from pipeline.engine.text import one_line

    lines = _table(
        ("labels", "before", "after"),
        [(status, found.before[status], found.after[status]) for status in found.before],
    )
    moved = [move for move in found.moves if move.before != move.after]
    lines += [f"  {move.before} -> {move.after}: {move.stickers:,}" for move in moved]
    lines.append(f"{found.changed:,} labels get other tags")
    if found.kinds:
        head = ("changes", "tags", "votes", "decisions", "gained", "lost", "labels")
        rows = [
            (k.kind, k.tags, k.votes, k.decisions, k.gained, k.lost, k.stickers)
            for k in found.kinds
        ]
        lines += _table(head, rows)
    lines += [f"  {one_line(_told(example), 200)}" for example in found.examples]
    return lines


def _told(example: Example) -> str:
    before, after = (
        f"{status} ({', '.join(tags)})" if tags else status
        for status, tags in (
            (example.before, example.tags_before),
            (example.after, example.tags_after),
        )
    )
    return f"{example.id[:10]}: {before} -> {after}"


def _table(head: Sequence[str], rows: Sequence[tuple[str | int, ...]]) -> list[str]:
    def line(cells: Sequence[str | int]) -> str:
        first, *others = cells
        said = [f"{cell:,}" if isinstance(cell, int) else cell for cell in others]
        return f"  {first:<14}" + "".join(f"{cell:>11}" for cell in said)

    return [line(head), *map(line, rows)]
