"""Keeps which split a release had each sticker in, for the splits of later ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.released_splits import release_numbers
from pipeline.engine.storage import Proof, digest_rows, table_errors
from pipeline.engine.workspace import Workspace
from pipeline.release.records import Record, load_record, record_path
from schemas.config import ReleaseConfig
from schemas.release import SPLITS
from schemas.tables import TABLES

_SCHEMA = TABLES["released_splits"].schema
_PROOF = Proof(stage="release", fingerprint="")


def keep_splits(workspace: Workspace, config: ReleaseConfig) -> None:
    """Add this release to ``released``, and to ``released_splits`` what it has in a split in which
    none before had it.

    Made again, the same release gives the same rows, also where an earlier try was interrupted.
    One before the newest adds what it has otherwise, if anything, as if it came after that.
    """
    name = f"{config.name}-{config.version}"
    known = release_numbers(workspace)
    newest = max(known.values(), default=0)
    number = newest if known.get(name) == newest else newest + 1
    added = 0
    for parts in workspace.blocks:
        shards = {part: _added(workspace, part, name, number) for part in parts}
        added += sum(pc.sum(pc.equal(t["number"], number)).as_py() or 0 for t in shards.values())
        _replace(workspace, shards)
    _list(workspace, {**known, name: number} if added or name not in known else known)


def forget_splits(workspace: Workspace, config: ReleaseConfig) -> None:
    """Take what the newest release said out of ``released_splits``, if that is this one and nothing
    says what it was made from.

    For a release that nobody has, as it was interrupted or its record was deleted: what is made
    anew isn't bound by itself.
    """
    name = f"{config.name}-{config.version}"
    known = release_numbers(workspace)
    number = known.get(name)
    if number != max(known.values(), default=0) or record_path(workspace.releases / name).exists():
        return
    for parts in workspace.blocks:
        _replace(workspace, {part: _earlier(workspace, part, number) for part in parts})
    _list(workspace, {other: n for other, n in known.items() if n < number})


def _list(workspace: Workspace, numbers: Mapping[str, int]) -> None:
    """Write ``released``, if it changes."""
    rows = sorted(numbers.items(), key=lambda item: item[1])
    columns = list(zip(*rows, strict=True)) or [(), ()]
    table = pa.table([*map(pa.array, columns)], schema=TABLES["released"].schema)
    if workspace.digest("released", None) != digest_rows(table):
        workspace.write("released", None, table, _PROOF)


def _replace(workspace: Workspace, shards: dict[int, pa.Table]) -> None:
    if any(workspace.digest("released_splits", p) != digest_rows(t) for p, t in shards.items()):
        workspace.write_block("released_splits", shards, _PROOF)


def _earlier(workspace: Workspace, part: int, number: int) -> pa.Table:
    """Rows of a shard about releases before one, as far as the stickers are still there."""
    known = workspace.read("released_splits", part)
    here = pc.is_in(known["id"], value_set=workspace.read("stickers", part, ["id"])["id"])
    earlier = pc.less(known["number"], pa.scalar(number, pa.int32()))
    return known.filter(pc.and_(here, earlier)).cast(_SCHEMA).combine_chunks()


def _added(workspace: Workspace, part: int, name: str, number: int) -> pa.Table:
    """Rows of a shard with those of this release."""
    now = workspace.read("splits", part, ["id", "split"])
    known = _earlier(workspace, part, number)
    last = _last(known, now["id"])
    new = now.filter(pc.fill_null(pc.not_equal(now["split"], pc.fill_null(last, "")), False))
    names, numbers = pa.repeat(name, len(new)), pa.repeat(pa.scalar(number, pa.int32()), len(new))
    added = pa.table([new["id"], new["split"], names, numbers], schema=_SCHEMA)
    return _sorted(pa.concat_tables([known, added]), now["id"])


def _sorted(rows: pa.Table, ids: pa.ChunkedArray | pa.Array) -> pa.Table:
    """Rows of each sticker together, in the order of the stickers and of releases."""
    place = pc.index_in(rows["id"], value_set=ids).to_numpy()
    order = np.lexsort((rows["number"].to_numpy(), place))
    return rows.take(pa.array(order)).combine_chunks()


def _last(known: pa.Table, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The split that each sticker had last; null for none."""
    newest = known.sort_by([("number", "descending")])
    return newest["split"].take(pc.index_in(ids, value_set=newest["id"].combine_chunks()))


def adopt_splits(workspace: Workspace) -> list[str]:
    """Write ``released_splits`` from the releases that lie in the workspace, where it isn't there:
    they were made before there was one, or it was lost. Returns their names, oldest first."""
    if workspace.parts_of("released_splits"):
        return []
    listed = release_numbers(workspace)
    numbers = {
        name: listed.get(name) or record.number for name, record in _recorded(workspace.releases)
    }
    said = {
        (name, numbers[name]): rows
        for name in sorted(numbers, key=lambda name: (numbers[name], *_in_order(name)))
        if len(rows := _released(workspace.releases / name))
    }
    if not all(number for _, number in said):  # made before releases had numbers
        names = enumerate(said.items(), 1)
        said, listed = {(name, place): rows for place, ((name, _), rows) in names}, {}
    for parts in workspace.blocks if said else ():
        _replace(workspace, {part: _adopted(workspace, part, said) for part in parts})
    if said:
        _list(workspace, {**listed, **dict(said.keys())})
    return [name for name, _ in said]


def _recorded(releases: Path) -> Iterator[tuple[str, Record]]:
    """Releases that are there, by their records; profiles have such as well."""
    for path in sorted(releases.glob(".fingerprints/*.json")):
        folder = releases / path.name.removesuffix(".json")
        if folder.is_dir() and "profile" not in (record := load_record(folder)).made_from:
            yield folder.name, record


def _in_order(name: str) -> tuple[list[int], str]:
    """By version: 0.9.0 is before 0.10.0."""
    data_set, _, version = name.rpartition("-")
    return [int(part) for part in version.split(".") if part.isdecimal()], data_set


def _released(folder: Path) -> pa.Table:
    """Ids and splits of a release; none of what is no longer there."""
    rows = [pa.table({"id": pa.array([], pa.string()), "split": pa.array([], pa.string())})]
    for split in SPLITS:
        for file in sorted((folder / "data").glob(f"{split}-*.parquet")):
            with table_errors(file):
                ids = pq.read_table(file, columns=["id"], partitioning=None)["id"]
            rows.append(
                pa.table({"id": ids.cast(pa.string()), "split": pa.repeat(split, len(ids))})
            )
    return pa.concat_tables(rows).combine_chunks()


def _adopted(workspace: Workspace, part: int, said: Mapping[tuple[str, int], pa.Table]) -> pa.Table:
    ids = workspace.read("stickers", part, ["id"])["id"].combine_chunks()
    rows, last = [], pa.nulls(len(ids), pa.string())
    for (name, number), released in said.items():
        now = released["split"].combine_chunks().take(pc.index_in(ids, released["id"].chunk(0)))
        new = pc.fill_null(pc.not_equal(now, pc.fill_null(last, "")), False)
        chosen, count = ids.filter(new), pc.sum(new).as_py() or 0
        numbers = pa.repeat(pa.scalar(number, pa.int32()), count)
        columns = [chosen, now.filter(new), pa.repeat(name, count), numbers]
        rows.append(pa.table(columns, schema=_SCHEMA))
        last = pc.coalesce(now, last)
    return _sorted(pa.concat_tables(rows), ids)
