"""`label texts`: people look at what machines wrote, side by side, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from pipeline.engine.text import plain, storable
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import say_what_follows

if TYPE_CHECKING:
    from annotation.human.checking.choosing import WantedTexts
    from annotation.human.checking.taking import Taken

_NAME = "texts.html"
_STALE = 20


def page_command(options: CommandOptions, wanted: WantedTexts) -> int:
    """Write the page on which people check texts."""
    from annotation.human.checking.choosing import choose_texts
    from annotation.human.checking.page import FILE, write_texts_page
    from annotation.human.studio.ledger import open_ledger

    with open_session("label texts", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say(f"  would write {session.workspace.reports / _NAME}")
            return session.exit_code
        with open_ledger(session.workspace.root) as ledger:
            identity = ledger.identity
        groups = choose_texts(session.workspace, wanted, identity)
        texts = sum(len(group.texts) for group in groups)
        stickers = len({group.id for group in groups})
        session.results["texts"] = {"stickers": stickers, "texts": texts}
        if not groups:
            session.say(
                "There is no such text to check. `stickerworks annotate` has captions written; "
                "--all shows what was checked before as well."
            )
            return session.exit_code
        target = session.workspace.reports / _NAME
        language = session.config.label.language
        path = write_texts_page(session.workspace, target, groups, identity, language)
        session.results["page"] = str(path)
        session.say(f"{texts:,} texts of {stickers:,} stickers, side by side: {path}")
        session.say(f"Save there ({FILE}), then:")
        session.say("  stickerworks label texts --apply FILE --by NAME")
    return session.exit_code


def apply_command(
    options: CommandOptions, file: Path, who: str | None, *, force: bool = False
) -> int:
    """Take in what the page saved."""
    from annotation.human.checking.saved import read_saved_texts
    from annotation.human.checking.taking import take_checks
    from annotation.human.studio.corrected import write_corrected
    from annotation.human.studio.ledger import open_ledger

    with open_session("label texts", options) as session:
        check_crawled(session.workspace)
        with open_ledger(session.workspace.root) as ledger:
            saved = read_saved_texts(file, ledger.identity)
            name = storable(who, 100) or saved.who
            if name is None:
                raise StickerworksError("Nobody is named for these checks.", "Add --by NAME.")
            if options.dry_run:
                session.say(f"  would take in up to {len(saved.checks):,} checks")
                return session.exit_code
            taken = take_checks(session.workspace, ledger, saved.checks, name, force=force)
            write_corrected(session.workspace, ledger)
        session.results["checks"] = {
            **taken.noted, "same": taken.same,
            **{
                name: [asdict(one) for one in rows]
                for name, rows in (
                    ("stale", taken.stale), ("foreign", taken.foreign), ("odd", taken.odd)
                )
            },
        }  # fmt: skip
        said = ", ".join(f"{count:,} {verdict}" for verdict, count in taken.noted.items())
        again = f"; {taken.same:,} were known already" if taken.same else ""
        session.say(f"Noted: {said}{again}.")
        _tell(session, taken)
        _describe(session)
        say_what_follows(session)
    return session.exit_code


def report_command(options: CommandOptions) -> int:
    """Say how often each model's texts were right."""
    from annotation.human.checking.figures import figure_lines, judged_writers

    with open_session("label texts", options, reads_only=True) as session:
        judged = judged_writers(session.workspace.read("text_checks"))
        session.results["judged"] = [asdict(one) for one in judged]
        if not judged:
            session.say("Nobody has checked a text yet (`stickerworks label texts`).")
        for line in figure_lines(judged) if judged else ():
            session.say(plain(line))
    return session.exit_code


def _tell(session: Session, taken: Taken) -> None:
    from annotation.human.checking.taking import say_corrected, say_stale

    for one in taken.stale[:_STALE]:
        session.say(f"  refused: {plain(say_stale(one))}")
    for one in taken.foreign[:_STALE]:
        session.say(f"  refused: {plain(say_corrected(one))}: it isn't in that language")
    for one in taken.odd[:_STALE]:
        session.say(f"  noted, but it reads as a machine's talk: {plain(say_corrected(one))}")
    session.incomplete |= bool(taken.stale or taken.foreign)
    if taken.stale:
        session.say(
            f"{len(taken.stale):,} texts have changed since the page was written, or are gone; "
            "look at those again (`label texts`)."
        )
    if taken.foreign:
        session.say(
            f"{len(taken.foreign):,} corrections are in another language than their field; add "
            "--force where that is meant."
        )


def _describe(session: Session) -> None:
    """Choose texts anew, where they were chosen before; that asks no model."""
    from annotation.machine.descriptions import DESCRIPTIONS

    if session.workspace.complete("descriptions"):
        session.do((DESCRIPTIONS,))
