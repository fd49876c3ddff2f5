"""Which stickers stand for a cluster where people name it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from pipeline.tags.carried import carried_in


def choose_stickers(
    workspace: Workspace, keys: Sequence[str], most: int, withheld: Collection[str]
) -> dict[str, list[tuple[str, str]]]:
    """At most ``most`` kept stickers for each key that has any, each with the keyword that it
    stands for.

    Keywords take turns, those that most stickers carry first, so that what a cluster mixes is
    seen. A sticker comes once, for the keyword of it that most carry.
    """
    known = _known(workspace, keys)
    hidden = pa.array(sorted(withheld), pa.string())
    best = _carriers(workspace, (), known, hidden)
    # The first of each block on: memory stays the same however many stickers there are.
    for block in workspace.blocks:
        best = _first(pa.concat_tables([best, _carriers(workspace, block, known, hidden)]), most)
    found: dict[str, list[tuple[str, str]]] = {}
    columns = (best[name].to_pylist() for name in ("key", "id", "keyword"))
    for key, sticker, keyword in zip(*columns, strict=True):
        found.setdefault(key, []).append((sticker, keyword))
    return found


def _known(workspace: Workspace, keys: Sequence[str]) -> pa.Table:
    """Each keyword with its key, the key's place, and how many stickers carry it."""
    clusters = workspace.read("clusters", columns=["keyword", "key"])
    numbers = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    counted = workspace.read("keywords", columns=["keyword", "stickers"])
    place = pc.index_in(clusters["keyword"], value_set=counted["keyword"])
    known = clusters.append_column("number", numbers)
    return known.append_column("count", counted["stickers"].take(place))


def _carriers(
    workspace: Workspace, block: Sequence[int], known: pa.Table, hidden: pa.Array
) -> pa.Table:
    """Kept stickers of a block, and the keywords for which they stand: number, count, key."""
    carried = carried_in(workspace, block)
    place = pc.index_in(carried["keyword"], value_set=known["keyword"])
    ids = workspace.read("decisions", block, ["id"])["id"]
    table = known.take(place).append_column("id", ids.take(carried["sticker"]))
    table = table.filter(pc.is_valid(table["number"]))
    return table.filter(pc.invert(pc.is_in(table["id"], value_set=hidden)))


def _first(table: pa.Table, each: int) -> pa.Table:
    """At most ``each`` rows a number, each sticker once; keywords take turns, the greatest first.

    Within a keyword stickers go by id, which is a hash: as good as drawn by lot.
    """
    table = _once(table)
    order = pc.sort_indices(
        table, [("number", "ascending"), ("keyword", "ascending"), ("id", "ascending")]
    )
    table = table.take(order)
    cell = _starts(table["number"].to_numpy(), table["keyword"].combine_chunks())
    table = table.append_column("turn", pa.array(np.arange(len(table)) - cell))
    keys = [("number", "ascending"), ("turn", "ascending"), ("count", "descending"),
            ("keyword", "ascending")]  # fmt: skip
    table = table.take(pc.sort_indices(table, keys))
    number = table["number"].to_numpy()
    rank = np.arange(len(number)) - np.searchsorted(number, number)
    return table.filter(pa.array(rank < each)).drop_columns(["turn"])


def _once(table: pa.Table) -> pa.Table:
    """Of each sticker under a number the row of its greatest keyword."""
    keys = [("number", "ascending"), ("id", "ascending"), ("count", "descending"),
            ("keyword", "ascending")]  # fmt: skip
    table = table.take(pc.sort_indices(table, keys))
    starts = _starts(table["number"].to_numpy(), table["id"].combine_chunks())
    return table.filter(pa.array(starts == np.arange(len(table))))


def _starts(
    numbers: npt.NDArray[np.int64], texts: pa.Array | pa.ChunkedArray
) -> npt.NDArray[np.int64]:
    """Where the run of equal (number, text) that each row lies in begins."""
    codes = texts.dictionary_encode().indices.to_numpy()
    new = np.ones(len(numbers), dtype=bool)
    new[1:] = (numbers[1:] != numbers[:-1]) | (codes[1:] != codes[:-1])
    places = np.arange(len(numbers))
    return np.maximum.accumulate(np.where(new, places, 0))
