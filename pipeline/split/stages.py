"""The step that gives every kept sticker its split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import known_numbers
from pipeline.engine.stage import Output, Reader, Step
from pipeline.split.edges import Edges, Ints, number_keys, read_edges, read_keys
from pipeline.split.groups import connected_groups
from pipeline.split.leakage import find_split_leaks
from pipeline.split.stratify import assign
from schemas.config import Config, Section, SplitConfig
from schemas.release import SPLITS
from schemas.tables import STRINGS, TABLES

Flags = npt.NDArray[np.bool_]

_NAMES = pa.array(SPLITS)


class SplitSettings(Section):
    """What decides the splits."""

    split: SplitConfig
    labelled_only: bool


def _settings(config: Config) -> SplitSettings:
    return SplitSettings(split=config.split, labelled_only=config.release.labelled_only)


def _split(reader: Reader, settings: SplitSettings) -> Iterator[Output]:
    blocks = [reader.read("stickers", block, ["id"])["id"] for block in reader.blocks]
    ids = pa.chunked_array([block.combine_chunks() for block in blocks], pa.string())
    labelled, tags = _tags(reader, ids)
    kept = [reader.read("decisions", block, ["kept"])["kept"].to_numpy() for block in reader.blocks]
    released = np.concatenate([np.empty(0, bool), *kept])
    if settings.labelled_only:
        released &= labelled
    rows = np.flatnonzero(released)
    links = _links(reader, ids, released, settings.split.keep_packs_together)
    group, split = np.full((2, len(ids)), -1)
    group[rows] = connected_groups(ids, rows, links)
    split[rows] = _assign(ids, group[rows], rows, tags.among(released), settings.split)
    start = 0
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        here = slice(start, start := start + len(own))
        named = _NAMES.take(known_numbers(split[here])), ids.take(known_numbers(group[here]))
        none = pa.array([[]] * len(own), STRINGS)
        yield "splits", block, pa.table([own, *named, none], schema=TABLES["splits"].schema)
    crossing = [asdict(leak) for leak in find_split_leaks(reader, ids, split)]
    yield "leakage", None, pa.Table.from_pylist(crossing, schema=TABLES["leakage"].schema)


def _assign(
    ids: pa.ChunkedArray, group: Ints, rows: Ints, tags: Edges, settings: SplitConfig
) -> Ints:
    """Place in ``SPLITS`` of each of ``rows``."""
    first, groups = np.unique(group, return_inverse=True)
    shares = {name: getattr(settings, name) for name in SPLITS}
    names = ids.take(pa.array(first)).combine_chunks()
    # The tags' order decides in which one adds up figures, and so their last digits.
    order = np.argsort(pc.sort_indices(tags.names).to_numpy())
    tagged = np.searchsorted(rows, tags.rows)
    return assign(names, groups, tagged, order[tags.keys], shares, settings.seed)[groups]


def _links(
    reader: Reader, ids: pa.ChunkedArray, released: Flags, packs: bool
) -> Iterator[tuple[Ints, Ints]]:
    # Dropped near-duplicates count: two stickers may be related through one of them.
    for column in ("group", "template_id"):
        edges = read_keys(reader, "duplicates", (column,), ids)
        yield edges.rows, edges.keys
    if packs:
        # Dropped stickers don't count here: one blank image would tie a hundred packs.
        edges = read_edges(reader, "pack", ids).among(released)
        yield edges.rows, edges.keys


def _tags(reader: Reader, ids: pa.ChunkedArray) -> tuple[Flags, Edges]:
    """Which stickers have effective tags, and everyone's: those, or else the suggested ones."""
    labelled, start = [np.empty(0, bool)], 0
    rows: list[Ints] = []
    tags: list[pa.Array] = []
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        labels = _of(own, reader.read("labels", block, ["id", "status", "tags"]))
        suggested = _of(own, reader.read("suggestions", block, ["id", "tags"]))
        effective = pc.fill_null(pc.equal(labels["status"], "effective"), False)
        for table, chosen in ((labels, effective), (suggested, pc.invert(effective))):
            lists = table["tags"].filter(chosen).combine_chunks()
            owners = np.flatnonzero(chosen.to_numpy())
            rows.append(start + owners[pc.list_parent_indices(lists).to_numpy()])
            tags.append(pc.list_flatten(lists))
        given = pc.greater(pc.fill_null(pc.list_value_length(labels["tags"]), 0), 0)
        labelled.append(pc.and_(effective, given).to_numpy())
        start += len(own)
    return np.concatenate(labelled), number_keys(rows, tags)


def _of(ids: pa.Array, table: pa.Table) -> pa.Table:
    """The rows of a table that may lack some, or all, of the stickers."""
    return table.take(pc.index_in(ids, value_set=table["id"].combine_chunks()))


SPLIT = Step(
    name="splits",
    version=4,
    reads=(
        "stickers",
        "decisions",
        "duplicates",
        "signals",
        "labels",
        "observations",
        "suggestions",
    ),
    writes=("splits", "leakage"),
    settings=_settings,
    run=_split,
    optional=("labels", "suggestions"),
)
PLAN = (SPLIT,)
