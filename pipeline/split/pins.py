"""What is settled before any group is placed: splits of earlier releases, and named test sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries, known_numbers, lists_of
from pipeline.engine.released_splits import number_of
from pipeline.engine.stage import Reader
from schemas.release import SPLITS
from schemas.tables import STRING, STRINGS, TABLES

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TEST = SPLITS.index("test")
_NAMES = pa.array(SPLITS, pa.string())
_EXAMPLES = 5
_SAID = ["id", "split", "release", "number"]


@dataclass(frozen=True)
class Pins:
    """Splits of stickers in releases, else in the data sets that they were imported from, as places
    in ``SPLITS``, -1 where they were in none: ``splits`` in the newest that had them, which bind,
    and ``earlier`` in the newest before the one that is made; ``release`` is the place in ``names``
    of the first that had them in the latter."""

    splits: Ints
    earlier: Ints
    release: Ints
    names: pa.Array


@dataclass(frozen=True)
class Reserved:
    """Stickers picked for named test sets, here or where they were imported from: places of the
    stickers, ascending, and the sets."""

    rows: Ints
    sets: pa.Array


def read_pins(reader: Reader, ids: pa.ChunkedArray, release: str) -> Pins:
    """What releases, where ``release`` is made, say of all stickers, and data sets of those that
    are in no release; ``ids`` has a chunk a block."""
    number = number_of(reader, release)
    splits, earlier, first = np.full((3, len(ids)), -1)
    names: dict[str, int] = {}
    split_sets = _split_sets(reader)
    start = 0
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        # The last of a sticker's rows counts, and any release before every data set.
        released = reader.read("released_splits", block).sort_by("number")
        for said in (_imported(reader, block, split_sets), released.select(_SAID)):
            row = pc.index_in(said["id"], value_set=own)
            # Stickers that are gone have no row here.
            rows, row = said.filter(pc.is_valid(row)), row.drop_null()
            places = start + row.to_numpy().astype(np.int64)
            split = pc.fill_null(pc.index_in(rows["split"], value_set=_NAMES), -1).to_numpy()
            kinds = rows["release"].combine_chunks().dictionary_encode()
            known = [names.setdefault(name, len(names)) for name in kinds.dictionary.to_pylist()]
            before = rows["number"].to_numpy() < number
            splits[places], earlier[places[before]] = split, split[before]
            first[places[before]] = np.array(known, np.int64)[kinds.indices.to_numpy()[before]]
        start += len(own)
    return Pins(splits, earlier, first, pa.array(list(names), pa.string()))


def _split_sets(reader: Reader) -> pa.Array:
    """Data sets that have rows in more than one split.

    Of others, nothing is split: many publish all that they have as ``train``.
    """
    schema = pa.schema([("dataset", STRING), ("split", STRING)])
    pairs = [schema.empty_table()]
    for block in reader.blocks:
        rows = reader.read("imported", block, ["dataset", "split"])
        rows = rows.filter(pc.is_in(rows["split"], value_set=_NAMES))
        pairs.append(rows.group_by(["dataset", "split"]).aggregate([]).cast(schema))
    known = pa.concat_tables(pairs).group_by(["dataset", "split"]).aggregate([])
    counted = known.group_by("dataset").aggregate([([], "count_all")])
    return counted.filter(pc.greater(counted["count_all"], 1))["dataset"].combine_chunks()


def _imported(reader: Reader, block: tuple[int, ...], split_sets: pa.Array) -> pa.Table:
    """Splits of data sets that are split, as rows of releases, those nearest to training last."""
    rows = reader.read("imported", block, ["id", "split", "dataset"])
    rows = rows.filter(pc.is_in(rows["dataset"], value_set=split_sets))
    place = pc.index_in(rows["split"], value_set=_NAMES)
    rows = rows.append_column("place", place).filter(pc.is_valid(place))
    rows = rows.sort_by([("place", "descending"), ("dataset", "descending")])
    named = pc.binary_join_element_wise("import", rows["dataset"], " ")
    # Earlier than any release.
    number = pa.repeat(pa.scalar(-1, pa.int32()), len(rows))
    rows = rows.select(["id", "split"]).append_column("release", named)
    return rows.append_column("number", number)


def read_reserved(reader: Reader, ids: pa.ChunkedArray) -> Reserved:
    """The rows of ``reserved`` that are about stickers of this workspace, and what ``imported``
    says of them."""
    picked = reader.read("reserved", columns=["id", "test_set"])
    picked = pa.table({name: picked[name] for name in ("id", "test_set")})
    rows = pa.concat_tables([picked, *(_imported_sets(reader, block) for block in reader.blocks)])
    rows = rows.group_by(["id", "test_set"]).aggregate([])
    found = pc.index_in(rows["id"], value_set=ids.combine_chunks())
    rows = rows.append_column("row", found).filter(pc.is_valid(found))
    rows = rows.sort_by([("row", "ascending"), ("test_set", "ascending")])
    return Reserved(rows["row"].to_numpy().astype(np.int64), rows["test_set"].combine_chunks())


def _imported_sets(reader: Reader, block: tuple[int, ...]) -> pa.Table:
    ids, sets = reader.read("imported", block, ["id", "test_sets"]).select(["id", "test_sets"])
    owners, names = entries(sets)
    return pa.table({"id": ids.take(pa.array(owners)), "test_set": names})


def held_splits(group: Ints, pins: Pins, reserved: Reserved, released: Flags) -> Ints:
    """The split that each group has already, at the row that tells it; -1 for none.

    Members released in several splits, of groups that have joined since, take the one nearest to
    training: what was public in train never turns up in validation or test, nor what was in
    validation in test. Groups without any such member are test where one is reserved.
    """
    held = np.full(len(group), len(SPLITS))
    reserves = reserved.rows[released[reserved.rows]]
    held[group[reserves]] = TEST
    pinned = np.flatnonzero(pins.splits >= 0)
    # SPLITS are in the order of how near to training they are, so any pin outdoes a pick.
    np.minimum.at(held, group[pinned], pins.splits[pinned])
    return np.where(held == len(SPLITS), -1, held)


def name_sets(reserved: Reserved, splits: Ints) -> pa.Array:
    """The named test sets of every sticker: those that it was picked for, if it is in test."""
    there = splits[reserved.rows] == TEST
    sets = reserved.sets.filter(pa.array(there))
    return lists_of(reserved.rows[there], sets, len(splits)).cast(STRINGS)


def find_moved(ids: pa.ChunkedArray, group: Ints, splits: Ints, pins: Pins) -> pa.Table:
    """Rows of the table ``moved``, by id: what is in another split than earlier releases had it.

    ``joined`` is the first by id of its group that was in that split, of the release if one is.
    """
    earlier = pins.earlier
    moved = np.flatnonzero((splits >= 0) & (earlier >= 0) & (splits != earlier))
    schema = TABLES["moved"].schema
    if not len(moved):
        return schema.empty_table()
    moved = moved[pc.sort_indices(ids.take(pa.array(moved))).to_numpy()]
    # Those whose split the groups of the moved ones took.
    stayed = np.flatnonzero((earlier >= 0) & np.isin(group, group[moved]))
    target = np.full(len(group), -1)
    target[group[moved]] = splits[moved]
    stayed = stayed[earlier[stayed] == target[group[stayed]]]
    rank = np.empty(len(stayed), np.int64)
    rank[pc.sort_indices(ids.take(pa.array(stayed))).to_numpy()] = np.arange(len(stayed))
    stayed = stayed[np.lexsort((rank, splits[stayed] < 0))]
    joined = np.full(len(group), -1)
    joined[group[stayed][::-1]] = stayed[::-1]
    columns = {
        "id": ids.take(pa.array(moved)),
        "from": _NAMES.take(pa.array(earlier[moved])),
        "to": _NAMES.take(pa.array(splits[moved])),
        "release": pins.names.take(known_numbers(pins.release[moved])),
        "joined": ids.take(known_numbers(joined[group[moved]])),
    }
    return pa.table(columns, schema=schema)


def moved_leak(splits: Ints, pins: Pins, moved: pa.Table) -> dict[str, Any]:
    """The row of ``leakage`` about stickers that an earlier release had in another split."""
    return {
        "kind": "earlier_release",
        "shared": int(((splits >= 0) & (pins.earlier >= 0)).sum()),
        "leaking": len(moved),
        "rows": len(moved),
        "examples": moved["id"].slice(0, _EXAMPLES).to_pylist(),
    }
