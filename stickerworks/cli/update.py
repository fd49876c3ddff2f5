"""What a change makes necessary, done in one command: every table that is made and out of date."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.runner import Pending, check_crawled
from pipeline.engine.stage import is_idle
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES
from stickerworks.cli.captioning import check_captions, is_captions, tell_captions
from stickerworks.cli.display import say_time
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import ROOMS, Plan, plan_of
from stickerworks.cli.session import Session, open_session

_WORTH_TELLING_S = 60.0
# What annotators' machines would be asked about depends on what these made.
_DECIDES_CAPTIONS = ("filter", "annotate")


def update_command(options: CommandOptions) -> int:
    """Bring all that was made up to date, or say what that would take."""
    with open_session("update", options) as session:
        check_crawled(session.workspace)
        rooms = started_rooms(session.workspace)
        if not bring_up_to_date(session, rooms) and not options.dry_run:
            session.say("Everything that was made is up to date.")
    return session.exit_code


def is_started(workspace: Workspace, room: str) -> bool:
    """Whether somebody ran a room: any of its tables is there."""
    return any(_is_there(workspace, table) for work in plan_of(room) for table in work.writes)


def started_rooms(workspace: Workspace) -> list[str]:
    """Rooms that somebody ran, in order."""
    return [room for room in ROOMS if is_started(workspace, room)]


def kept_plan(workspace: Workspace, room: str) -> Plan:
    """What of a room that somebody ran is kept up to date.

    All of it, also where it was interrupted; but who only told real from cartoon never asked for
    captions, which a model may be paid for.
    """
    plan = plan_of(room)
    if room == "annotate" and not _is_there(workspace, "captions"):
        return tuple(w for w in plan if any(_is_there(workspace, name) for name in w.writes))
    return plan


def rooms_to_release(workspace: Workspace) -> list[str]:
    """Rooms that a release is made from: those that somebody ran, and those it can't be without."""
    needed = {"filter", "split"}
    return [room for room in ROOMS if room in needed or is_started(workspace, room)]


def complete_inputs(session: Session, room: str) -> None:
    """Go on with the rooms that were interrupted, or that new shards wait for, before this one.

    Tables that are whole but out of date stay as they are: what ``--set`` gave to the command
    that made them may be meant.
    """
    before = [earlier for earlier in _read_by(room) if is_started(session.workspace, earlier)]
    made = (table for earlier in before for work in plan_of(earlier) for table in work.writes)
    # Some shards of a table and not all: a command was interrupted, or a crawl brought more.
    if any(_is_there(session.workspace, t) and not session.workspace.complete(t) for t in made):
        bring_up_to_date(session, before)


def say_what_follows(session: Session) -> None:
    """Tell which rooms a command has left out of date, and what brings them up to date."""
    rooms = [room for room in started_rooms(session.workspace) if _due(session, room)]
    session.results["out_of_date"] = rooms
    if rooms:
        session.say(
            f"Out of date now: {', '.join(rooms)}. `stickerworks update` makes them anew, and "
            "`release` does so before it begins."
        )


def bring_up_to_date(session: Session, rooms: Sequence[str]) -> bool:
    """Make what is missing or out of date in those rooms, in order; whether anything was.

    What takes long, or asks a model, is told before it begins. Raises StickerworksError before
    anything is made where a file that may be a stranger's names the server to ask.
    """
    due = {room: _due(session, room) for room in rooms}
    stale = [will for room in rooms for will in due[room]]
    if not stale and session.options.dry_run:
        session.say("  everything that was made is up to date")
        return False
    asks = "annotate" in rooms and any(map(is_captions, kept_plan(session.workspace, "annotate")))
    if asks and any(due.get(room) for room in _DECIDES_CAPTIONS):
        check_captions(session.config, session.options)
        tell_captions(session.config, session.pending, session.say)
    if session.options.dry_run:
        for room in rooms:
            session.do(kept_plan(session.workspace, room))
        return True
    for will in stale:
        if will.seconds >= _WORTH_TELLING_S:
            session.say(
                f"  {will.name:<12} to do: {will.rows:,} rows, about {say_time(will.seconds)}"
            )
    before = len(session.reports)
    for room in rooms:
        for work in kept_plan(session.workspace, room):
            # What is up to date too, once: rows of it may be quarantined, as the exit code says.
            told = any(report.name == work.name for report in session.reports)
            if not told or session.pending(work).shards:
                session.do((work,))
    return any(report.made for report in session.reports[before:])


def _read_by(room: str) -> list[str]:
    """Earlier rooms that make what a room reads, or what is read to make that, in order."""
    reads = {table for work in plan_of(room) for table in work.reads}
    found: list[str] = []
    for earlier in reversed(ROOMS[: ROOMS.index(room)]):
        plan = plan_of(earlier)
        if any(table in reads for work in plan for table in work.writes):
            found.insert(0, earlier)
            reads |= {table for work in plan for table in work.reads}
    return found


def _due(session: Session, room: str) -> list[Pending]:
    works = kept_plan(session.workspace, room)
    wills = (session.pending(work) for work in works if not is_idle(work, session.config))
    return [will for will in wills if will.shards]


def _is_there(workspace: Workspace, table: str) -> bool:
    if TABLES[table].scope == "global":
        return workspace.path(table).exists()
    return bool(workspace.parts_of(table))
