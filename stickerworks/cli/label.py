"""What `stickerworks label` does: the server, exports, imports, status and report."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.engine.runner import check_crawled
from pipeline.engine.workspace import Workspace
from stickerworks.cli.configuration import load_config
from stickerworks.cli.display import plain
from stickerworks.cli.options import Options
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from annotation.human.studio.export_request import ExportRequest
    from annotation.human.studio.labelling import LabellingSession
    from annotation.human.studio.ledger import Purpose, VoteLedger

FOLDER = "label-studio"
_REVIEWED = ("reviews", "decisions")


@dataclass(frozen=True)
class AnswerSource:
    """Where answers are read: a file, or the server when it is None."""

    file: Path | None
    full: bool
    annotators: tuple[int, ...]
    origin: str
    replace_simulated: bool = False


def setup_command(options: Options) -> int:
    """Start the server of the workspace, make the accounts, say where both are and how far it is.

    Where neither a workspace nor a configuration is named and the configured workspace is empty,
    the demo's is served, if there is one.
    """
    from annotation.human.studio.client import connect
    from annotation.human.studio.ledger import open_ledger
    from annotation.human.studio.server import ServerPaths

    options, note = _choose_workspace(options)
    with open_session("label setup", options) as session:
        session.check_trusted("label")
        root = session.workspace.root
        stickers = sum(session.workspace.rows("stickers", n) for n in session.workspace.parts)
        session.say(f"Workspace     {plain(str(root))}: {stickers:,} stickers{note}")
        if options.dry_run:
            session.say(f"  would start Label Studio on port {session.config.label.port}")
            return session.exit_code
        connection = connect(root, session.config.label, session.say)
        with open_ledger(root) as ledger:
            _know(ledger, session, connection.accounts.lead, connection.accounts.ids)
        session.say(f"Label Studio  {connection.url}")
        session.say(f"Lead          {connection.accounts.lead}")
        session.say(f"Annotators    {', '.join(session.config.label.annotators)}")
        if session.config.label.url is None:
            session.say(f"Passwords     {ServerPaths(root / FOLDER).accounts}")
        _say_progress(session)
        session.results["url"] = connection.url
    return session.exit_code


def _choose_workspace(options: Options) -> tuple[Options, str]:
    """The options with the workspace that is served, and a note on the choice."""
    from stickerworks.cli.demo import DEMO_WORKSPACE

    if options.workspace or options.config or not Workspace(DEMO_WORKSPACE).parts:
        return options, ""
    configured = load_config(None, options.overrides).workspace
    if configured == str(DEMO_WORKSPACE):
        return options, ""
    if not Workspace(named_path(configured, "workspace")).parts:
        note = f" (the demo's, since {configured} holds none; --workspace names another)"
        return replace(options, workspace=DEMO_WORKSPACE), note
    return options, f" (the demo's are in --workspace {DEMO_WORKSPACE})"


def _say_progress(session: Session) -> None:
    from annotation.human.progress import progress
    from annotation.human.status import status_lines

    found = progress(session.workspace, session.config)
    session.results["progress"] = asdict(found)
    session.say()
    for line in status_lines(found):
        session.say(plain(line))
    command = "stickerworks"
    if session.options.workspace is not None:
        command += f" --workspace {shlex.quote(str(session.options.workspace))}"
    if not session.workspace.parts:
        session.say(f"Next: {command} run FOLDER, since there is nothing to label yet")
    elif not found.batches:
        session.say(f"Next: {command} label export")


def stop_command(options: Options) -> int:
    """Stop the server, if it runs."""
    from annotation.human.studio.server import ServerPaths, stop

    with open_session("label stop", options) as session:
        stopped = stop(ServerPaths(session.workspace.root / FOLDER))
        session.say("Stopped." if stopped else "It wasn't running.")
    return session.exit_code


def export_command(options: Options, request: ExportRequest, *, screening: bool) -> int:
    """Export for labelling or screening."""
    from annotation.human.studio.labelling import export_labelling, export_screening
    from annotation.human.studio.tables import write_asked

    with open_session("label export", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            _plan_export(session, request, "screening" if screening else "labelling")
            return session.exit_code
        with _studio(session) as studio:
            made = (
                export_screening(studio, request)
                if screening
                else export_labelling(studio, request)
            )
            write_asked(session.workspace, studio.ledger)
        session.results["export"] = asdict(made)
        again = f", {made.found:,} found from an interrupted run" if made.found else ""
        session.say(
            f"{made.made:,} tasks made{again}; {made.total:,} in all: "
            f"{studio.connection.url}/projects/{made.project}"
        )
    return session.exit_code


def import_command(options: Options, source: AnswerSource) -> int:
    """Import answers and bring reviews and labels up to date."""
    from annotation.human.studio.importing import import_file, import_server
    from annotation.human.studio.ledger import open_ledger

    with open_session("label import", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say("  would read what changed on the server and merge it")
            return session.exit_code
        _spare_simulated(session, replace=source.replace_simulated)
        if source.file is None:
            with _studio(session) as studio:
                hours = session.config.label.reconcile_hours
                found = import_server(
                    studio.connection, studio.ledger, reconcile_hours=hours, full=source.full
                )
                _write(session, studio.ledger)
        else:
            with open_ledger(session.workspace.root) as ledger:
                found = import_file(source.file, ledger, source.origin, source.annotators)
                _write(session, ledger)
        session.results["import"] = asdict(found)
        gone = f", {found.gone:,} gone from the server (kept here)" if found.gone else ""
        session.say(f"{found.tasks:,} tasks read: {found.added:,} new answers{gone}")
        _merge(session)
    return session.exit_code


def adjudicate_command(options: Options) -> int:
    """Export what waits for a decision."""
    from annotation.human.studio.labelling import export_adjudication
    from annotation.human.studio.tables import write_asked

    with open_session("label adjudicate", options) as session:
        check_crawled(session.workspace)
        if options.dry_run:
            session.say("  would make a task of every sticker that waits for a decision")
            return session.exit_code
        session.do(plan_of("merge"))
        with _studio(session) as studio:
            made = export_adjudication(studio)
            write_asked(session.workspace, studio.ledger)
        session.results["export"] = asdict(made)
        session.say(
            f"{made.made:,} tasks made; {made.total:,} in all: "
            f"{studio.connection.url}/projects/{made.project}"
        )
    return session.exit_code


def migrate_command(
    options: Options, path: Path, *, draft: bool, replace_simulated: bool = False
) -> int:
    """Take a changed tag set into use."""
    from annotation.human.studio.ballot import draft_changes, migrate_ballot
    from annotation.human.studio.ledger import open_ledger

    with (
        open_session("label migrate", options) as session,
        open_ledger(session.workspace.root) as ledger,
    ):
        if draft:
            count = draft_changes(session.workspace, ledger, path)
            session.say(f"{path} names {count:,} tags that are gone; say what became of each.")
        else:
            _spare_simulated(session, replace=replace_simulated)
            ballot = migrate_ballot(session.workspace, ledger, path)
            _write(session, ledger)
            session.say(f"Votes are read with the {len(ballot.tags):,} new tags from now on.")
            _merge(session)
    return session.exit_code


def status_command(options: Options) -> int:
    """Print how far the work is."""
    from annotation.human.progress import progress
    from annotation.human.status import status_lines

    with open_session("label status", options, reads_only=True) as session:
        found = progress(session.workspace, session.config)
        session.results["status"] = asdict(found)
        for line in status_lines(found):
            session.say(plain(line))
    return session.exit_code


def report_command(options: Options) -> int:
    """Write the lead's page."""
    from annotation.human.report.report import write_label_report

    with open_session("label report", options) as session:
        check_crawled(session.workspace)
        path = write_label_report(session.workspace, session.config)
        session.results["report"] = str(path)
        session.say(f"Report  {path}")
    return session.exit_code


@contextmanager
def _studio(session: Session) -> Iterator[LabellingSession]:
    from annotation.human.studio.client import connect
    from annotation.human.studio.labelling import LabellingSession
    from annotation.human.studio.ledger import open_ledger

    session.check_trusted("label")
    root = session.workspace.root
    connection = connect(root, session.config.label, session.say)
    with open_ledger(root) as ledger:
        _know(ledger, session, connection.accounts.lead, connection.accounts.ids)
        yield LabellingSession(session.workspace, session.config, ledger, connection)


def _know(ledger: VoteLedger, session: Session, lead: str, ids: Mapping[str, int]) -> None:
    from annotation.human.studio.importing import SERVER
    from annotation.human.studio.ledger import Person

    names = {name.casefold() for name in session.config.label.annotators}
    people = [Person(SERVER, ids[name], name, "annotator") for name in sorted(names & set(ids))]
    ledger.know([*people, Person(SERVER, ids[lead.casefold()], lead.casefold(), "lead")])


def _spare_simulated(session: Session, *, replace: bool) -> None:
    """Ask before votes that no person gave are lost, or refuse where nobody can be asked."""
    from annotation.human.studio.tables import simulated_votes

    count = simulated_votes(session.workspace)
    if not count or replace:
        return
    lost = (
        f"{session.workspace.root} holds {count:,} simulated votes. All of them, and the labels "
        "made from them, would make room for what people gave"
    )
    asked = sys.stdin.isatty() and not session.options.json
    if not (asked and typer.confirm(f"{lost}. Go on?", err=True)):
        raise StickerworksError(
            f"{lost}; nothing was changed.",
            "Add --replace-simulated if that is meant, or name another --workspace.",
        )


def _write(session: Session, ledger: VoteLedger) -> None:
    from annotation.human.studio.tables import simulated_votes, write_answers, write_asked

    simulated = simulated_votes(session.workspace)
    write_asked(session.workspace, ledger)
    rows = write_answers(session.workspace, ledger, session.config.label)
    session.results["tables"] = rows
    if simulated:
        session.say(f"{simulated:,} simulated votes made room for those of people.")


def _merge(session: Session) -> None:
    """Let flags decide and votes become labels; both are quick and decode nothing."""
    if session.workspace.complete("decisions"):
        reviewing = [work for work in plan_of("filter") if work.name in _REVIEWED]
        session.do(reviewing)
    session.do(plan_of("merge"))
    statuses = Counter(session.workspace.read("labels", columns=["status"])["status"].to_pylist())
    session.results["labels"] = dict(statuses)
    said = ", ".join(f"{status} {count:,}" for status, count in sorted(statuses.items()))
    session.say(f"Labels: {said}")


def _plan_export(session: Session, request: ExportRequest, purpose: Purpose) -> None:
    from annotation.human.studio.ledger import LEDGER, open_ledger
    from annotation.human.studio.stickers import kept_stickers

    taken: set[str] = set()
    if (session.workspace.root / LEDGER).exists():
        with open_ledger(session.workspace.root) as ledger:
            taken = {row["sticker"] for row in ledger.tasks(purpose)}
    fresh = [s for s in kept_stickers(session.workspace) if s not in taken][: request.limit]
    session.say(f"  would make {len(fresh):,} tasks for {purpose}")
