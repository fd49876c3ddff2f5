"""Answers of people: import them, and bring what follows up to date."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from stickerworks.cli.label_server import open_studio
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import say_what_follows

if TYPE_CHECKING:
    from annotation.human.studio.importing import Imported
    from annotation.human.studio.labelling import LabellingSession
    from annotation.human.studio.ledger import VoteLedger

_REVIEWED = ("reviews", "decisions")


@dataclass(frozen=True)
class AnswerSource:
    """Where answers are read: a file, or the server when it is None."""

    file: Path | None
    full: bool
    annotators: tuple[int, ...]
    origin: str
    replace_simulated: bool = False


def import_command(options: CommandOptions, source: AnswerSource) -> int:
    """Import answers and bring reviews and labels up to date."""
    from annotation.human.studio.frozen import finish
    from annotation.human.studio.importing import import_file
    from annotation.human.studio.ledger import open_ledger

    with open_session("label import", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say("  would read what changed on the server and merge it")
            return session.exit_code
        spare_simulated(session, replace=source.replace_simulated)
        if source.file is None:
            with open_studio(session) as studio:
                read_server(session, studio, full=source.full)
        else:
            with open_ledger(session.workspace.root) as ledger:
                found = import_file(source.file, ledger, source.origin, source.annotators)
                write_ledger(session, ledger)
            _say_imported(session, found)
        merge_answers(session)
        # Whatever migration was interrupted: tables and labels are the ledger's now.
        with open_ledger(session.workspace.root) as ledger:
            finish(ledger)
    return session.exit_code


def read_server(session: Session, studio: LabellingSession, *, full: bool) -> None:
    """Read what changed on the server, and write what people were asked and answered."""
    from annotation.human.studio.importing import import_server

    hours = session.config.label.reconcile_hours
    found = import_server(studio.connection, studio.ledger, reconcile_hours=hours, full=full)
    write_ledger(session, studio.ledger)
    _say_imported(session, found)


def _say_imported(session: Session, found: Imported) -> None:
    session.results["import"] = asdict(found)
    gone = f", {found.gone:,} gone from the server (kept here)" if found.gone else ""
    session.say(f"{found.tasks:,} tasks read: {found.added:,} new answers{gone}")
    if not found.unread:
        return
    session.incomplete = True
    shown = ", ".join(f"task {task} of project {project}" for project, task in found.unread[:5])
    more = f" and {len(found.unread) - 5:,} more" if len(found.unread) > 5 else ""
    session.say(
        f"The server failed on {shown}{more}; all others were read. An answer there holds what it "
        "can't send. Open the task as the lead, delete that answer and let the person answer "
        "again; what it says stands in its log. Then run `stickerworks label import`."
    )


def spare_simulated(session: Session, *, replace: bool) -> None:
    """Ask before votes that no person gave are lost, or refuse where nobody can be asked."""
    from annotation.human.studio.tables import simulated_votes

    count = simulated_votes(session.workspace)
    if not count or replace:
        return
    lost = (
        f"{session.workspace.name} holds {count:,} simulated votes. All of them, and the labels "
        "made from them, would make room for what people gave"
    )
    asked = sys.stdin.isatty() and not session.options.json
    if not (asked and typer.confirm(f"{lost}. Go on?", err=True)):
        raise StickerworksError(
            f"{lost}; nothing was changed.",
            "Add --replace-simulated if that is meant, or name another --workspace.",
        )


def write_ledger(session: Session, ledger: VoteLedger) -> None:
    """Write what people were asked and answered as tables."""
    from annotation.human.studio.tables import simulated_votes, write_answers, write_asked

    simulated = simulated_votes(session.workspace)
    write_asked(session.workspace, ledger)
    rows = write_answers(session.workspace, ledger, session.config.label)
    session.results["tables"] = rows
    if simulated:
        session.say(f"{simulated:,} simulated votes made room for those of people.")


def merge_answers(session: Session) -> None:
    """Let flags decide and votes become labels; both are quick and decode nothing."""
    if session.workspace.complete("decisions"):
        reviewing = [work for work in plan_of("filter") if work.name in _REVIEWED]
        session.do(reviewing)
    session.do(plan_of("merge"))
    statuses = Counter(session.workspace.read("labels", columns=["status"])["status"].to_pylist())
    session.results["labels"] = dict(statuses)
    said = ", ".join(f"{status} {count:,}" for status, count in sorted(statuses.items()))
    session.say(f"Labels: {said}")
    say_what_follows(session)
