"""Which stickers stand for a proposal on the page, and their pictures, within a page's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.page.pictures import PagePicture, animated_among, load_pictures
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.tags.carried import carried_in

MOST_OF_ONE, FEWEST_OF_ONE = 12, 2
MOST_STILLS, MOST_MOVING, MOST_BYTES = 8_000, 240, 30_000_000
_MOVING_OF_ONE = 3


@dataclass(frozen=True)
class ShownPictures:
    """By key, stickers and the keyword that each was found under; by id, still and motion."""

    stickers: dict[str, list[tuple[str, str]]]
    drawn: dict[str, list[str]]


def load_shown_pictures(workspace: Workspace, keys: Sequence[str]) -> ShownPictures:
    """Pictures of a few stickers for each key, fewer where there are many keys.

    Their keywords take turns, those that most stickers carry first. What people flagged is never
    among them. All pictures together take at most MOST_BYTES.
    """
    each = min(MOST_OF_ONE, max(FEWEST_OF_ONE, MOST_STILLS // max(1, len(keys))))
    chosen = _chosen(workspace, keys, each)
    stickers: dict[str, list[tuple[str, str]]] = {}
    for key, sticker, keyword in zip(
        *(chosen[name].to_pylist() for name in ("key", "id", "keyword")), strict=True
    ):
        stickers.setdefault(key, []).append((sticker, keyword))
    # Taken in turns, so that where the page is full each key has some.
    turns = list(_in_turns([sticker for sticker, _ in found] for found in stickers.values()))
    animated = set(animated_among(workspace, turns))
    moving = _in_turns(
        [sticker for sticker, _ in found if sticker in animated][:_MOVING_OF_ONE]
        for found in stickers.values()
    )
    asked = list(moving)[:MOST_MOVING]
    drawn = _within(turns, load_pictures(workspace, turns, asked))
    return ShownPictures(
        {key: [one for one in found if one[0] in drawn] for key, found in stickers.items()}, drawn
    )


def _in_turns(lists: Iterable[Sequence[str]]) -> Iterator[str]:
    """The first of every list, then the second of every one, each text once."""
    turns = (one for turn in zip_longest(*lists) for one in turn if one is not None)
    return iter(dict.fromkeys(turns))


def _within(order: Sequence[str], pictures: dict[str, PagePicture]) -> dict[str, list[str]]:
    """Still and motion by id, stills before all motion, until the page is full."""
    room = MOST_BYTES
    drawn: dict[str, list[str]] = {}
    for sticker in order:
        if sticker in pictures and (room := room - len(pictures[sticker].still)) >= 0:
            drawn[sticker] = [pictures[sticker].still]
    for sticker, shown in drawn.items():
        motion = pictures[sticker].motion
        if motion is not None and len(motion) <= room:
            room -= len(motion)
            shown.append(motion)
    return drawn


def _chosen(workspace: Workspace, keys: Sequence[str], each: int) -> pa.Table:
    """Columns ``key``, ``id`` and ``keyword`` of at most ``each`` stickers a key."""
    names = pa.array(keys, pa.string())
    clusters = workspace.read("clusters", columns=["keyword", "key"])
    numbers = pc.index_in(clusters["key"], value_set=names)
    counted = workspace.read("keywords", columns=["keyword", "stickers"])
    place = pc.index_in(clusters["keyword"], value_set=counted["keyword"])
    known = clusters.append_column("number", numbers)
    known = known.append_column("count", counted["stickers"].take(place))
    withheld = pa.array(sorted(withheld_stickers(workspace)), pa.string())
    # Of each block the first of each key: memory stays the same however many stickers there are.
    found = [
        _first(_carriers(workspace, block, known, withheld), each) for block in workspace.blocks
    ]
    first = _first(pa.concat_tables(found), each) if found else None
    return first if first is not None else _carriers(workspace, (), known, withheld)


def _carriers(
    workspace: Workspace, block: Sequence[int], known: pa.Table, withheld: pa.Array
) -> pa.Table:
    """Kept stickers of a block, and the keywords for which they stand: number, count, key."""
    carried = carried_in(workspace, block)
    place = pc.index_in(carried["keyword"], value_set=known["keyword"])
    ids = workspace.read("decisions", block, ["id"])["id"]
    table = known.take(place).append_column("id", ids.take(carried["sticker"]))
    table = table.filter(pc.is_valid(table["number"]))
    return table.filter(pc.invert(pc.is_in(table["id"], value_set=withheld)))


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
