"""Candidates for named test sets: several stickers for each of the top trigger words, by domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_together
from pipeline.engine.workspace import Workspace
from pipeline.split.candidates import Facts, read_facts
from pipeline.split.edges import Edges, read_keys
from pipeline.split.groups import read_groups
from pipeline.split.picks import TEST_SETS
from pipeline.split.pins import TEST, held_splits, read_pins, read_reserved
from pipeline.split.stickers import read_ids, read_released
from schemas.config import Config

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_CONSIDERED = 64
"""Candidates of one word and domain that are compared with each other."""


@dataclass(frozen=True)
class Candidate:
    """A sticker to be looked at, for a set and a trigger word; ``voted`` people gave it tags."""

    id: str
    test_set: str
    trigger_word: str
    domain: str
    voted: bool


@dataclass(frozen=True)
class Proposal:
    """Candidates by word, the most frequent first, and by set; ``stickers`` counts those kept that
    have each word. ``taken`` counts what is reserved already, ``unsuitable`` the stickers of these
    words that can't be in test: releases have their groups in train or validation."""

    candidates: tuple[Candidate, ...]
    stickers: dict[str, int]
    taken: int
    unsuitable: int


def propose(workspace: Workspace, config: Config, words: int, each: int) -> Proposal:
    """Choose up to ``each`` stickers for each of the ``words`` most frequent trigger words and
    each domain (VSD2M, section on its data).

    Only stickers that a release would have, of a known domain, that aren't unsafe, whose groups may
    be in test; of a group one, whatever the word. Those that people voted on come first, then
    those known to be safe; of equals, those of other packs and of other looks than the ones
    chosen. The same tables give the same, in whatever order their rows are. What is reserved
    counts as chosen.
    """
    ids = read_ids(workspace)
    released = read_released(workspace, ids, labelled_only=config.release.labelled_only)
    pins = read_pins(workspace, ids, "")
    packs = config.split.keep_packs_together
    group = read_groups(workspace, ids, released, pins.splits >= 0, packs=packs)
    reserved = read_reserved(workspace, ids)
    held = held_splits(group, pins, reserved, released)
    free = released & ((held[group] < 0) | (held[group] == TEST))
    edges = _trigger_words(workspace, ids).among(released)
    facts = read_facts(workspace, config.label, ids, group, free)
    top = _top(edges, words)
    taken = np.zeros(len(ids), bool)
    taken[group[reserved.rows[released[reserved.rows]]]] = True
    counts, before = np.bincount(edges.keys, minlength=len(edges.names)), _before(workspace)
    chosen: list[Candidate] = []
    for word, rows in _by_word(edges, top):
        name = edges.names[word].as_py()
        for domain, test_set in TEST_SETS.items():
            lacking = each - before[name, test_set]
            for row in _choose(facts, rows, domain, taken, lacking):
                taken[group[row]] = True
                id_, voted = ids[int(row)].as_py(), bool(facts.voted[row])
                chosen.append(Candidate(id_, test_set, name, domain, voted))
    listed = np.unique(edges.rows[np.isin(edges.keys, top)])
    stickers = {edges.names[word].as_py(): int(counts[word]) for word in top.tolist()}
    return Proposal(tuple(chosen), stickers, before.total(), int((~free[listed]).sum()))


def _before(workspace: Workspace) -> Counter[tuple[str, str]]:
    """How many stickers are reserved for each trigger word and set."""
    rows = workspace.read("reserved", columns=["trigger_word", "test_set"])
    return Counter(count_together([rows["trigger_word"], rows["test_set"]]))


def _choose(facts: Facts, rows: Ints, domain: str, taken: Flags, count: int) -> Iterator[int]:
    """Up to ``count`` of a word's ``rows`` of a domain, of groups that aren't ``taken``."""
    mine = pc.fill_null(pc.equal(facts.domain.take(pa.array(rows)), domain), False).to_numpy(False)
    rows = rows[mine & facts.open[rows]]
    order = np.lexsort((facts.order[rows], ~facts.safe[rows], ~facts.voted[rows]))
    left = rows[order][: _CONSIDERED * max(1, count)].tolist()
    chosen: list[int] = []
    while left and len(chosen) < count:
        left = [row for row in left if not taken[facts.group[row]]]
        if not left:
            return
        best = left[_best(facts, np.array(left[:_CONSIDERED]), np.array(chosen, np.int64))]
        chosen.append(best)
        left.remove(best)
        yield best


def _best(facts: Facts, rows: Ints, chosen: Ints) -> int:
    """Place in ``rows`` of the one to take beside those that are chosen."""
    apart = np.bitwise_count(facts.phash[rows, None] ^ facts.phash[chosen]).min(axis=1, initial=64)
    known = facts.pack[rows] >= 0
    same_pack = known & np.isin(facts.pack[rows], facts.pack[chosen])
    order = (facts.order[rows], -apart.astype(np.int64), same_pack)
    return int(np.lexsort((*order, ~facts.safe[rows], ~facts.voted[rows]))[0])


def _trigger_words(workspace: Workspace, ids: pa.ChunkedArray) -> Edges:
    """Stickers and the queries that they were found under, without spaces around them."""
    found = read_keys(workspace, "observations", ("query",), ids)
    names = pc.utf8_trim_whitespace(found.names).dictionary_encode()
    width = max(1, len(names.dictionary))
    pairs = np.unique(found.rows * width + names.indices.to_numpy()[found.keys])
    there = pc.not_equal(names.dictionary, "").to_numpy(False)
    pairs = pairs[there[pairs % width]] if len(pairs) else pairs
    return Edges(pairs // width, pairs % width, names.dictionary)


def _top(edges: Edges, words: int) -> Ints:
    """The words that most stickers have; of equals the first by name."""
    counts = np.bincount(edges.keys, minlength=len(edges.names))
    rank = np.empty(len(counts), np.int64)
    rank[pc.sort_indices(edges.names).to_numpy()] = np.arange(len(counts))
    found: Ints = np.lexsort((rank, -counts))
    return found[counts[found] > 0][:words]


def _by_word(edges: Edges, top: Ints) -> Iterator[tuple[int, Ints]]:
    """Rows of each word, in the order of ``top``."""
    order = np.argsort(edges.keys, kind="stable")
    keys, rows = edges.keys[order], edges.rows[order]
    first, last = np.searchsorted(keys, top), np.searchsorted(keys, top, side="right")
    for word, start, end in zip(top.tolist(), first.tolist(), last.tolist(), strict=True):
        yield word, rows[start:end]
