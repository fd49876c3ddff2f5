"""What speaks for a sticker, or against it, as one of a named test set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import filled
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.split.edges import read_edges
from pipeline.split.stickers import first_rows
from schemas.labelling import LabelConfig

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Looks = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Facts:
    """What is known of every sticker, by its row: the group's row, a number of the first of its
    packs by name (-1 for none), a perceptual hash, and chance by its id in ``order``.

    ``voted``: people gave it tags; ``safe``: a measure says so; ``open``: it may be proposed.
    """

    domain: pa.Array
    voted: Flags
    safe: Flags
    open: Flags
    group: Ints
    pack: Ints
    phash: Looks
    order: Looks


def read_facts(
    workspace: Workspace, config: LabelConfig, ids: pa.ChunkedArray, group: Ints, free: Flags
) -> Facts:
    """Facts of all stickers, of which the ``free`` are open unless they are unsafe or flagged."""
    flagged = pa.array(sorted(withheld_stickers(workspace)), pa.string())
    blocks = list(zip(workspace.blocks, ids.chunks, strict=True))
    known = [_domain_and_voted(workspace, parts, own) for parts, own in blocks]
    scores = np.concatenate(
        [np.empty(0), *(_scores(workspace, parts, own, config) for parts, own in blocks)]
    )
    withheld = pc.is_in(ids, value_set=flagged).to_numpy()
    unsafe = (scores >= config.screening_score) | withheld
    return Facts(
        domain=pa.concat_arrays([pa.array([], pa.string()), *(domain for domain, _ in known)]),
        voted=np.concatenate([np.empty(0, bool), *(voted for _, voted in known)]),
        safe=scores < config.screening_score,
        open=free & ~unsafe,
        group=group,
        pack=_packs(workspace, ids),
        phash=np.concatenate(
            [np.empty(0, np.uint64), *(_looks(workspace, parts, own) for parts, own in blocks)]
        ),
        order=_chance(ids),
    )


def _domain_and_voted(
    workspace: Workspace, parts: Sequence[int], ids: pa.Array
) -> tuple[pa.Array, Flags]:
    labels = first_rows(
        ids, workspace.read("labels", parts, ["id", "status", "domain", "simulated"])
    )
    told = first_rows(ids, workspace.read("domain", parts, ["id", "domain"]))
    domain = pc.coalesce(filled(labels["domain"], None), filled(told["domain"], None))
    effective = pc.fill_null(pc.equal(labels["status"], "effective"), False)
    voted = pc.and_not(effective, pc.fill_null(labels["simulated"], False))
    return domain.combine_chunks(), voted.to_numpy()


def _scores(
    workspace: Workspace, parts: Sequence[int], ids: pa.Array, config: LabelConfig
) -> npt.NDArray[np.float64]:
    """How unsafe each sticker is by the measure of screening; NaN where nobody knows."""
    found: npt.NDArray[np.float64] = np.full(len(ids), np.nan)
    for table in ("measures", "expensive_measures"):
        rows = workspace.read(table, parts, ["id", "name", "value"])
        rows = rows.filter(pc.equal(rows["name"], config.screening_measure))
        values = first_rows(ids, rows)["value"].to_numpy()
        found = np.where(np.isnan(values), found, values)
    return found


def _looks(workspace: Workspace, parts: Sequence[int], ids: pa.Array) -> Looks:
    """Perceptual hashes; 0 where there is none."""
    column = first_rows(ids, workspace.read("signals", parts, ["id", "phash"]))["phash"]
    whole = pc.fill_null(column, bytes(8)).combine_chunks()
    return np.frombuffer(b"".join(whole.to_pylist()), ">u8").astype(np.uint64)


def _packs(workspace: Workspace, ids: pa.ChunkedArray) -> Ints:
    edges = read_edges(workspace, "pack", ids)
    rank = np.empty(len(edges.names), np.int64)
    rank[pc.sort_indices(edges.names).to_numpy()] = np.arange(len(rank))
    first = np.full(len(ids), len(rank))
    np.minimum.at(first, edges.rows, rank[edges.keys])
    return np.where(first == len(rank), -1, first)


def _chance(ids: pa.ChunkedArray) -> Looks:
    # Ids are hashes of bytes that a stranger chose; hashing again keeps the choice out of reach.
    numbers = b"".join(
        hashlib.blake2b(b"test set " + id_.encode(), digest_size=8).digest()
        for chunk in ids.chunks
        for id_ in chunk.to_pylist()
    )
    return np.frombuffer(numbers, ">u8").astype(np.uint64)
