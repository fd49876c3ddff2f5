"""Keeps which split a release had each sticker in, for the splits of later ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.released_splits import number_of
from pipeline.engine.storage import Proof, digest_rows
from pipeline.engine.workspace import Workspace
from schemas.config import ReleaseConfig
from schemas.tables import TABLES

_SCHEMA = TABLES["released_splits"].schema
_PROOF = Proof(stage="release", fingerprint="")


def keep_splits(workspace: Workspace, config: ReleaseConfig) -> None:
    """Add to ``released_splits`` what this release has in a split in which none before had it.

    Made again, the same release gives the same rows, also where an earlier try was interrupted.
    """
    name = f"{config.name}-{config.version}"
    number = number_of(workspace, name)
    for parts in workspace.blocks:
        _replace(workspace, {part: _added(workspace, part, name, number) for part in parts})


def forget_splits(workspace: Workspace, config: ReleaseConfig) -> None:
    """Take what the newest release said out of ``released_splits``, if that is this one.

    For a release that isn't there any more, or never was as it was interrupted: what is made anew
    isn't bound by itself.
    """
    number = number_of(workspace, f"{config.name}-{config.version}")
    for parts in workspace.blocks:
        _replace(workspace, {part: _earlier(workspace, part, number) for part in parts})


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
    """Rows of a shard, those of each sticker together, in the order of the shard and releases."""
    now = workspace.read("splits", part, ["id", "split"])
    known = _earlier(workspace, part, number)
    last = _last(known, now["id"])
    new = now.filter(pc.fill_null(pc.not_equal(now["split"], pc.fill_null(last, "")), False))
    names, numbers = pa.repeat(name, len(new)), pa.repeat(pa.scalar(number, pa.int32()), len(new))
    added = pa.table([new["id"], new["split"], names, numbers], schema=_SCHEMA)
    rows = pa.concat_tables([known, added])
    place = pc.index_in(rows["id"], value_set=now["id"]).to_numpy()
    order = np.lexsort((rows["number"].to_numpy(), place))
    return rows.take(pa.array(order)).combine_chunks()


def _last(known: pa.Table, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The split that each sticker had last; null for none."""
    newest = known.sort_by([("number", "descending")])
    return newest["split"].take(pc.index_in(ids, value_set=newest["id"].combine_chunks()))
