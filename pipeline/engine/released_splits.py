"""The releases of a workspace in order, by the tables ``released`` and ``released_splits``."""

from __future__ import annotations

import pyarrow as pa

from pipeline.engine.stage import Reader

_COLUMNS = ["release", "number"]


def number_of(reader: Reader, release: str) -> int:
    """Number of a release, from 1: its own where it is made again, else the next one.

    Rows of ``released_splits`` with a lower number are of releases before it.
    """
    known = release_numbers(reader)
    return known.get(release) or max(known.values(), default=0) + 1


def release_numbers(reader: Reader) -> dict[str, int]:
    """The number of each release; a name that was given again has the last."""
    # Workspaces of before ``released`` was kept know a release by what it moved alone.
    rows = [reader.read("released", columns=_COLUMNS)]
    for block in reader.blocks:
        said = reader.read("released_splits", block, _COLUMNS)
        rows.append(said.group_by(_COLUMNS).aggregate([]).select(_COLUMNS))
    pairs = pa.concat_tables(rows).sort_by("number").to_pylist()
    return {row["release"]: row["number"] for row in pairs}
