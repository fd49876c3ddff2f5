"""Carries a request out: tombstones first, so that nothing comes back, then everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.engine.stage import Stage, Step
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.files import Remains, purge_files, purge_media
from pipeline.release.takedown.planning import table_digests
from pipeline.release.takedown.releases import clean_releases, renew_records
from pipeline.release.takedown.request import Request, add_tombstones, end, note
from pipeline.release.takedown.tables import purge_tables

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What was done: rows that each release lost, releases and pages that went as a whole, files
    of yours outside of the workspace that still hold the bytes, and what is ``left``: files below
    the workspace, by name, that can't be looked into. ``decisions`` says of a sheet that went where
    that which people decided on it is now, "" where it couldn't be read."""

    releases: dict[str, int]
    removed_releases: list[str]
    removed_pages: list[str]
    elsewhere: int
    left: list[str]
    decisions: dict[str, str]


def carry_out(
    workspace: Workspace,
    works: Sequence[Stage | Step],
    request: Request,
    ledgers: Sequence[Callable[[Request], None]],
    say: Say,
    remains: Remains | None = None,
) -> Outcome:
    """Take what a request names out of everything below the workspace, whose lock is held.

    ``works`` make the tables, in their order; ``ledgers`` clean what other rooms keep,
    ``remains`` says what stays of a sheet. Killed at
    any time, it is carried out again from the request that lies there, with the same result.
    """
    add_tombstones(workspace, request)
    say("bytes")
    elsewhere = purge_media(workspace, request)
    say("ledgers")
    for clean in ledgers:
        clean(request)
    say("tables")
    purge_tables(workspace, works, request)
    say("releases")
    gone, notes = (
        request.gone,
        {id_: note(id_, request.date, request.reason) for id_ in request.kinds},
    )
    releases = clean_releases(workspace, gone, notes)
    renew_records(workspace, request, table_digests(workspace))
    say("reports, logs and caches")
    swept = purge_files(workspace, request, remains)
    end(workspace.root)
    left = sorted({*releases.left, *swept.left})
    return Outcome(releases.rows, releases.removed, swept.pages, elsewhere, left, swept.decisions)
