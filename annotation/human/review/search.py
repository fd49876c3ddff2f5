"""Stickers whose labels people look at again: found by columns, a block of shards at a time."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.review.block import Block, Flags
from annotation.human.review.conditions import Condition, conditions
from annotation.human.review.wanted import Wanted
from pipeline.engine.workspace import Workspace

_SAMPLE_KEY = 16


@dataclass
class Found:
    """How many stickers a search finds, and the first of them in its order."""

    count: int = 0
    ids: list[str] = field(default_factory=list)


def search(workspace: Workspace, wanted: Wanted) -> Iterator[pa.Table]:
    """What is found, block after block: ``id`` and ``agreement``, in the order of the shards.

    ``agreement`` is the mean share of the votes that each tag given has; null without votes. A
    sample, or several shards, are never held whole.
    """
    tests = conditions(workspace, wanted)
    chosen = _sampled(workspace, wanted, tests) if wanted.sample is not None else None
    for parts in workspace.blocks:
        block = Block(workspace, parts)
        here = _matching(block, tests)
        if chosen is not None:
            here &= pc.is_in(block.ids, value_set=chosen).to_numpy(zero_copy_only=False)
        agreement = block.agreement()
        yield pa.table({"id": block.ids, "agreement": agreement}).filter(pa.array(here))


def first_found(workspace: Workspace, wanted: Wanted, most: int) -> Found:
    """The count and the first ids: lowest agreement first where that was asked for, or else in the
    order of the shards."""
    found = Found()
    least: list[tuple[float, int, str]] = []
    for rows in search(workspace, wanted):
        if wanted.disagreement is None:
            found.ids += rows["id"].slice(0, most - len(found.ids)).to_pylist()
        else:
            order = np.argsort(pc.fill_null(rows["agreement"], 2.0).to_numpy(), kind="stable")
            some = rows.take(pa.array(order[:most]))
            least = heapq.nsmallest(
                most,
                [
                    *least,
                    *(
                        (agreement, found.count + place, id_)
                        for place, agreement, id_ in zip(
                            order[:most].tolist(),
                            some["agreement"].to_pylist(),
                            some["id"].to_pylist(),
                            strict=True,
                        )
                    ),
                ],
            )
        found.count += len(rows)
    if wanted.disagreement is not None:
        found.ids = [id_ for *_, id_ in least]
    return found


def _matching(block: Block, tests: list[Condition]) -> Flags:
    """Which of a block's stickers meet every condition."""
    here = np.ones(len(block.ids), bool)
    for test in tests:
        if not here.any():
            break
        here &= test(block)
    return here


def _sampled(workspace: Workspace, wanted: Wanted, tests: list[Condition]) -> pa.Array:
    """Ids of a sample: those with the smallest hashes, so that it is the same however it lies."""
    most = wanted.sample or 0
    kept: list[tuple[bytes, str]] = []
    seed = str(wanted.seed).encode()
    for parts in workspace.blocks:
        block = Block(workspace, parts)
        ids = block.ids.filter(pa.array(_matching(block, tests))).to_pylist()
        drawn = ((_draw(id_, seed), id_) for id_ in ids)
        kept = heapq.nsmallest(most, [*kept, *drawn])
    return pa.array(sorted(id_ for _, id_ in kept), pa.string())


def _draw(id_: str, seed: bytes) -> bytes:
    return hashlib.blake2b(id_.encode(), key=seed[:64], digest_size=_SAMPLE_KEY).digest()
