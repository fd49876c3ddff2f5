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
from pipeline.split.edges import Edges, Ints, number_keys
from pipeline.split.groups import read_groups
from pipeline.split.leakage import find_split_leaks
from pipeline.split.pins import (
    find_moved,
    held_splits,
    moved_leak,
    name_sets,
    read_pins,
    read_reserved,
)
from pipeline.split.stickers import first_rows, read_ids, read_released
from pipeline.split.stratify import assign
from schemas.config import Config
from schemas.release import SPLITS
from schemas.section import Section
from schemas.tables import TABLES

Flags = npt.NDArray[np.bool_]

_NAMES = pa.array(SPLITS)


class SplitSettings(Section):
    """What decides the splits; moves since earlier releases than ``release`` are listed."""

    shares: dict[str, float]
    keep_packs_together: bool
    seed: int
    labelled_only: bool
    release: str


def _settings(config: Config) -> SplitSettings:
    return SplitSettings(
        shares=config.split.shares,
        keep_packs_together=config.split.keep_packs_together,
        seed=config.split.seed,
        labelled_only=config.release.labelled_only,
        release=f"{config.release.name}-{config.release.version}",
    )


def _split(reader: Reader, settings: SplitSettings) -> Iterator[Output]:
    ids = read_ids(reader)
    tags = _tags(reader, ids)
    released = read_released(reader, ids, labelled_only=settings.labelled_only)
    pins, reserved = read_pins(reader, ids, settings.release), read_reserved(reader, ids)
    # What was released before binds its group, whether or not it is released again.
    bound = pins.splits >= 0
    group = read_groups(reader, ids, released, bound, packs=settings.keep_packs_together)
    held = held_splits(group, pins, reserved, released)
    split, rows = np.full(len(ids), -1), np.flatnonzero(released)
    split[rows] = _assign(ids, group[rows], rows, tags.among(released), held, settings)
    moved = find_moved(ids, group, split, pins)
    group[~released] = -1
    sets = name_sets(reserved, split)
    start = 0
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        here = slice(start, start := start + len(own))
        named = _NAMES.take(known_numbers(split[here])), ids.take(known_numbers(group[here]))
        columns = [own, *named, sets[here]]
        yield "splits", block, pa.table(columns, schema=TABLES["splits"].schema)
    crossing = [asdict(leak) for leak in find_split_leaks(reader, ids, split)]
    crossing.append(moved_leak(split, pins, moved))
    yield "leakage", None, pa.Table.from_pylist(crossing, schema=TABLES["leakage"].schema)
    yield "moved", None, moved


def _assign(
    ids: pa.ChunkedArray, group: Ints, rows: Ints, tags: Edges, held: Ints, settings: SplitSettings
) -> Ints:
    """Place in ``SPLITS`` of each of ``rows``."""
    first, groups = np.unique(group, return_inverse=True)
    names = ids.take(pa.array(first)).combine_chunks()
    # The tags' order decides in which one adds up figures, and so their last digits.
    order = np.argsort(pc.sort_indices(tags.names).to_numpy())
    tagged = np.searchsorted(rows, tags.rows)
    carried, seed = order[tags.keys], settings.seed
    return assign(names, groups, tagged, carried, settings.shares, seed, held[first])[groups]


def _tags(reader: Reader, ids: pa.ChunkedArray) -> Edges:
    """Everyone's tags: effective ones, or else those that are suggested."""
    start = 0
    rows: list[Ints] = []
    tags: list[pa.Array] = []
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        labels = first_rows(own, reader.read("labels", block, ["id", "status", "tags"]))
        suggested = first_rows(own, reader.read("suggestions", block, ["id", "tags"]))
        effective = pc.fill_null(pc.equal(labels["status"], "effective"), False)
        for table, chosen in ((labels, effective), (suggested, pc.invert(effective))):
            lists = table["tags"].filter(chosen).combine_chunks()
            owners = np.flatnonzero(chosen.to_numpy())
            rows.append(start + owners[pc.list_parent_indices(lists).to_numpy()])
            tags.append(pc.list_flatten(lists))
        start += len(own)
    return number_keys(rows, tags)


SPLIT = Step(
    name="splits",
    version=6,
    reads=(
        "stickers",
        "decisions",
        "duplicates",
        "signals",
        "labels",
        "observations",
        "suggestions",
        "reserved",
        "released_splits",
        "released",
        "imported",
    ),
    writes=("splits", "leakage", "moved"),
    settings=_settings,
    run=_split,
    optional=("labels", "suggestions", "reserved", "released_splits", "released", "imported"),
)
PLAN = (SPLIT,)
