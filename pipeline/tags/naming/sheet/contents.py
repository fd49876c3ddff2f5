"""What stands on a sheet: proposals, what is known of them, and what was filled in before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.page.pictures import load_pictures, picture_bytes
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.carry import Carried, carried_lines
from pipeline.tags.naming.earlier import tag_notes, tag_row
from pipeline.tags.naming.rows import NamingRow
from pipeline.tags.naming.showing import choose_stickers

PICTURES = 4
SIDE = 80

Suggested = Mapping[str, tuple[str | None, str | None]]
"""Names in Chinese and English that a model suggests, by the proposal's key."""


@dataclass(frozen=True)
class SheetRow:
    """A proposal: the columns that are filled in, and what is shown beside them.

    ``pictures`` are small JPEGs of its stickers, at most PICTURES of them.
    """

    filled: NamingRow
    suggested: str = ""
    suggested_english: str = ""
    terms: tuple[str, ...] = ()
    exemplars: tuple[str, ...] = ()
    keywords: int = 0
    stickers: int = 0
    flags: tuple[str, ...] = ()
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """Rows of proposals and tags added by hand; ``unclustered`` counts keywords without words,
    ``notes`` are lines about what was not taken over."""

    version: str
    rows: tuple[SheetRow, ...]
    added: tuple[NamingRow, ...] = ()
    unclustered: int = 0
    notes: tuple[str, ...] = ()


def make_sheet(
    workspace: Workspace, suggested: Suggested | None = None, carried: Carried | None = None
) -> Sheet:
    """The sheet of a workspace's proposals; stickers that people flagged are not shown."""
    proposals = workspace.read("proposals").to_pylist()
    states = workspace.read("clusters", columns=["state"])["state"]
    chosen = choose_stickers(
        workspace, [row["key"] for row in proposals], PICTURES, withheld_stickers(workspace)
    )
    wanted = {sticker for stickers in chosen.values() for sticker, _ in stickers}
    stills = {
        id_: picture_bytes(picture)
        for id_, picture in load_pictures(workspace, wanted, (), SIDE).items()
    }
    notes = tag_notes(workspace)
    return Sheet(
        version=proposals[0]["version"] if proposals else "",
        rows=tuple(
            _row(
                proposal,
                (suggested or {}).get(proposal["key"], (None, None)),
                None if carried is None else carried.rows.get(proposal["key"]),
                tuple(stills[id_] for id_, _ in chosen.get(proposal["key"], ()) if id_ in stills),
                notes.get(proposal["key"], ""),
            )
            for proposal in proposals
        ),
        added=() if carried is None else carried.added,
        unclustered=pc.sum(pc.equal(states, "unclustered")).as_py() or 0,
        notes=() if carried is None else tuple(carried_lines(carried)),
    )


def _row(
    proposal: Mapping[str, Any],
    suggested: tuple[str | None, str | None],
    carried: NamingRow | None,
    pictures: tuple[bytes, ...],
    note: str,
) -> SheetRow:
    name, english = suggested
    is_tag = proposal["tag"] is not None
    blank = NamingRow(key=proposal["key"])
    frozen = tag_row(proposal["key"], proposal["name"] or "", proposal, note)
    filled = carried or (frozen if is_tag else blank)
    if is_tag and not filled.note:
        filled = replace(filled, note=note)
    return SheetRow(
        filled=replace(filled, version=proposal["version"] or ""),
        suggested=name or proposal["name"] or "",
        suggested_english=english or proposal["english"] or "",
        terms=tuple(proposal["terms"] or ()),
        exemplars=tuple(proposal["exemplars"] or ()),
        keywords=proposal["keywords"] or 0,
        stickers=proposal["stickers"] or 0,
        flags=tuple(proposal["flags"] or ()),
        pictures=pictures,
    )
