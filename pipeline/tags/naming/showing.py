"""Which stickers stand for a cluster where people name it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from pipeline.tags.carried import carried_in


def choose_stickers(
    workspace: Workspace, keys: Sequence[str], most: int, withheld: Collection[str]
) -> dict[str, list[str]]:
    """Ids of at most ``most`` stickers for each key that has any, the nearest first.

    A sticker is as near as the nearest of its keywords is to the centre; equals go by id.
    """
    clusters = workspace.read("clusters", columns=["keyword", "key", "distance"])
    places = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    distances = pc.fill_null(clusters["distance"], 0.0)
    hidden = pa.array(sorted(withheld), pa.string())
    best = pa.table(
        {
            "place": pa.array([], pa.int32()),
            "id": pa.array([], pa.string()),
            "distance_min": pa.array([], pa.float64()),
        }
    )
    for block in workspace.blocks:
        carried = carried_in(workspace, block)
        ids = workspace.read("decisions", block, ["id"])["id"].take(carried["sticker"])
        row = pc.index_in(carried["keyword"], value_set=clusters["keyword"])
        here = pa.table({"place": places.take(row), "id": ids, "distance": distances.take(row)})
        shown = pc.and_(pc.is_valid(here["place"]), pc.invert(pc.is_in(ids, value_set=hidden)))
        nearest = here.filter(shown).group_by(["place", "id"]).aggregate([("distance", "min")])
        best = _first(pa.concat_tables([best, nearest.select(best.column_names)]), most)
    found: dict[str, list[str]] = {}
    for place, id_ in zip(best["place"].to_pylist(), best["id"].to_pylist(), strict=True):
        found.setdefault(keys[place], []).append(id_)
    return found


def _first(rows: pa.Table, most: int) -> pa.Table:
    """The ``most`` nearest rows of each place, by place."""
    order = [("place", "ascending"), ("distance_min", "ascending"), ("id", "ascending")]
    rows = rows.sort_by(order)
    places = rows["place"].to_numpy()
    starts = np.searchsorted(places, places, side="left")
    return rows.filter(pa.array(np.arange(len(places)) - starts < most))
