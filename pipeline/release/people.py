"""The people behind a release's labels: how many, and how many gave which tag; no names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries
from pipeline.engine.counting import count_values


@dataclass(frozen=True)
class People:
    """Annotators who voted on stickers of a release, their votes, and where they voted."""

    annotators: int
    simulated_annotators: int
    votes: int
    platforms: tuple[str, ...]


def count_people(votes: pa.Table, ids: pa.ChunkedArray, counted: int) -> People:
    """Annotators of the table ``votes`` who said something of the stickers; skips are no votes."""
    said = _said(votes, ids)
    simulated = said.filter(pc.fill_null(said["simulated"], False))
    return People(
        annotators=pc.count_distinct(said["annotator"]).as_py(),
        simulated_annotators=pc.count_distinct(simulated["annotator"]).as_py(),
        votes=counted,
        platforms=tuple(sorted(said["origin"].unique().to_pylist())),
    )


def annotators_by_tag(votes: pa.Table, ids: pa.ChunkedArray, tags: Collection[str]) -> Counter[str]:
    """How many annotators gave each of some tags to one of the stickers."""
    said = _said(votes, ids)
    rows, given = entries(said["tags"])
    pairs = pa.table({"tag": given, "annotator": said["annotator"].take(pa.array(rows))})
    pairs = pairs.filter(pc.is_in(pairs["tag"], pa.array(sorted(tags), pa.string())))
    return count_values(pairs.group_by(["tag", "annotator"]).aggregate([])["tag"])


def _said(votes: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    counts = pc.and_(
        pc.is_null(votes["quarantined"]), pc.invert(pc.fill_null(votes["skipped"], False))
    )
    return votes.filter(pc.and_(counts, pc.is_in(votes["id"], ids.combine_chunks())))
