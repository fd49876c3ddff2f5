"""What people are asked to label, how far they are, and the lead's page."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pipeline.engine.runner import check_crawled
from pipeline.engine.text import plain
from stickerworks.cli.label_server import open_studio
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.studio.export import ExportedTasks
    from annotation.human.studio.export_request import ExportRequest
    from annotation.human.studio.ledger import Purpose


def export_command(options: CommandOptions, request: ExportRequest, *, screening: bool) -> int:
    """Export for labelling or screening."""
    from annotation.human.studio.labelling import export_labelling, export_screening
    from annotation.human.studio.tables import write_asked

    with open_session("label export", options) as session:
        check_crawled(session.workspace)
        if not screening:
            _warn_unnamed(session)
        if options.dry_run:
            _plan_export(session, request, "screening" if screening else "labelling")
            return session.exit_code
        with open_studio(session) as studio:
            made = (
                export_screening(studio, request)
                if screening
                else export_labelling(studio, request)
            )
            write_asked(session.workspace, studio.ledger)
        session.results["export"] = asdict(made)
        say_made(session, made, studio.connection.url)
    return session.exit_code


def say_made(session: Session, made: ExportedTasks, url: str) -> None:
    """Say what an export did, and where people find it."""
    for note in made.notes:
        session.say(note)
    again = f", {made.found:,} found from an interrupted run" if made.found else ""
    shared = made.projects.get("")
    where = url if shared is None else f"{url}/projects/{shared}"
    people = len(made.projects) - (shared is not None)
    whom = f" for {people:,} {'person' if people == 1 else 'people'}" if people else ""
    session.say(f"{made.made:,} tasks made{whom}{again}; {made.total:,} in all: {where}")


def screening_all(options: CommandOptions) -> CommandOptions:
    """The options with every kept sticker to be screened."""
    return replace(options, overrides=(*options.overrides, "label.screening_sample=all"))


def adjudicate_command(options: CommandOptions) -> int:
    """Export what waits for a decision."""
    from annotation.human.studio.labelling import export_adjudication
    from annotation.human.studio.tables import write_asked

    with open_session("label adjudicate", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say("  would make a task of every sticker that waits for a decision")
            return session.exit_code
        session.do(plan_of("merge"))
        with open_studio(session) as studio:
            made = export_adjudication(studio)
            write_asked(session.workspace, studio.ledger)
        session.results["export"] = asdict(made)
        say_made(session, made, studio.connection.url)
    return session.exit_code


def status_command(options: CommandOptions) -> int:
    """Print how far the work is."""
    from annotation.human.progress import progress
    from annotation.human.status import status_lines

    with open_session("label status", options, reads_only=True) as session:
        found = progress(session.workspace, session.config)
        session.results["status"] = asdict(found)
        for line in status_lines(found):
            session.say(plain(line))
    return session.exit_code


def report_command(options: CommandOptions) -> int:
    """Write the lead's page."""
    from annotation.human.report.report import write_label_report

    with open_session("label report", options) as session:
        check_crawled(session.workspace)
        path = write_label_report(session.workspace, session.config)
        session.results["report"] = str(path)
        session.say(f"Report  {path}")
    return session.exit_code


def _warn_unnamed(session: Session) -> None:
    from annotation.human.studio.ballot import unnamed_warning

    warning = unnamed_warning(session.workspace)
    session.results["named"] = warning is None
    if warning is not None:
        session.say(warning)


def _plan_export(session: Session, request: ExportRequest, purpose: Purpose) -> None:
    from annotation.human.studio.ledger import read_ledger
    from annotation.human.studio.stickers import kept_stickers

    with read_ledger(session.workspace.root) as ledger:
        taken = {row["sticker"] for row in ledger.tasks(purpose)}
    fresh = [s for s in kept_stickers(session.workspace) if s not in taken][: request.limit]
    each = session.config.merge.annotators if purpose == "labelling" else 1
    if request.everyone:
        fresh = fresh[: request.limit or session.config.label.calibration]
        each = len(session.config.label.annotators)
    whom = f", each for {each:,} people" if each > 1 else ""
    session.say(f"  would make tasks of {len(fresh):,} stickers for {purpose}{whom}")
