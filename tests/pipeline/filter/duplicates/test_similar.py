"""Candidate pairs from embeddings: the nearest earlier pictures, whatever comes later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.copies.codes import VIEWS
from pipeline.copies.pairs import KnownPairs, pair_waves
from pipeline.filter.duplicates import similar
from pipeline.filter.duplicates.similar import LEAST, MIRROR, OWN, Embeddings, similar_pairs
from pipeline.filter.embeddings import SCALE, SIZE, stored

faiss = pytest.importorskip("faiss", reason="needs `pip install 'stickerworks[embeddings]'`")

Found = set[tuple[int, int, int]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_BLOCK", 16)


def families(count: int, seed: int = 0) -> Embeddings:
    """Pictures of which about every third looks like an earlier one, or like its mirror image."""
    chance = np.random.default_rng(seed)
    vectors: Any = chance.normal(size=(count, 2, SIZE))
    for number in range(1, count):
        if chance.random() < 0.35:
            parent = vectors[chance.integers(number)]
            noise = chance.uniform(0.1, 0.9) * chance.normal(size=(2, SIZE))
            vectors[number] = parent[:: chance.choice((-1, 1))] + noise
    own, mirror = np.stack(stored(vectors.astype(np.float32)), axis=1)
    return Embeddings(3 * np.arange(count), own, mirror)


def triples(pairs: Any) -> Found:
    return set(zip(pairs.one.tolist(), pairs.other.tolist(), pairs.view.tolist(), strict=True))


def by_hand(known: Embeddings) -> Found:
    found: Found = set()
    for view, asked in ((OWN, known.own), (MIRROR, known.mirror)):
        products = asked.astype(np.int64) @ known.own.astype(np.int64).T
        ones, others = np.nonzero(np.tril(products >= LEAST * SCALE**2, k=-1))
        rows = zip(known.picture[ones].tolist(), known.picture[others].tolist(), strict=True)
        found |= {(one, other, view) for one, other in rows}
    return found


def test_the_mirror_is_a_view_that_pictures_are_compared_in() -> None:
    assert not VIEWS[OWN].mirrored
    assert VIEWS[MIRROR].mirrored


def test_all_that_are_near_and_no_others() -> None:
    known = families(150)
    expected = by_hand(known)
    assert {view for _, _, view in expected} == {OWN, MIRROR}
    assert len(expected) > 25
    pairs = similar_pairs(known)
    assert triples(pairs) == expected
    assert (np.diff(pairs.one) >= 0).all()
    assert pairs.bits.min() >= 0
    assert pairs.bits.max() <= 12  # of 64, by the angle


def test_among_very_many_lists_hold_what_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_EXACT", 64)
    monkeypatch.setattr(similar, "_LISTS", 4)
    known = families(150)
    monkeypatch.setattr(similar, "_LOOKED_AT", 4)
    assert triples(similar_pairs(known)) == by_hand(known)
    monkeypatch.setattr(similar, "_LOOKED_AT", 1)
    few = triples(similar_pairs(known))
    early = {pair for pair in by_hand(known) if pair[0] < 3 * 64}
    assert early <= few <= by_hand(known)


@pytest.mark.parametrize("exact", [32, 1 << 20])
def test_later_pictures_change_no_earlier_pair(monkeypatch: pytest.MonkeyPatch, exact: int) -> None:
    monkeypatch.setattr(similar, "_EXACT", exact)
    monkeypatch.setattr(similar, "_LISTS", 4)
    monkeypatch.setattr(similar, "_LOOKED_AT", 1)
    known = families(120, seed=1)
    clump = np.arange(120) % 3 == 0
    known.own[clump] = known.mirror[clump] = known.own[0]  # more of them than are looked at
    whole = similar_pairs(known)
    for count in (1, 17, 50, 96):
        first = np.arange(400) < 3 * count
        earlier = similar_pairs(known.of(first))
        assert np.array_equal(
            np.stack([earlier.one, earlier.other, earlier.view, earlier.bits]),
            np.stack([whole.one, whole.other, whole.view, whole.bits])[:, whole.one < 3 * count],
        )


def test_a_clump_is_compared_with_a_few_earlier_ones_each() -> None:
    vectors = np.tile(np.array([14, 15], np.int8), (100, SIZE // 2))
    pairs = similar_pairs(Embeddings(np.arange(100), vectors, vectors))
    assert np.bincount(pairs.one).max() == 8
    assert set(pairs.bits.tolist()) == {0}
    assert pairs.one.min() == 1


def test_none_at_all() -> None:
    none = np.empty((0, SIZE), np.int8)
    assert len(similar_pairs(Embeddings(np.empty(0, np.int64), none, none))) == 0


def test_faiss_gets_its_threads_back() -> None:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        similar_pairs(families(5))
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)


def test_they_join_those_of_codes_in_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.copies.pairs._WAVE", 4)
    pairs = similar_pairs(families(60))
    waves = list(pair_waves([KnownPairs(pairs, {OWN: [7, 8]}), KnownPairs(pairs, {})], 180))
    assert len(waves) > 1
    expected = triples(pairs)
    expected |= {(one, other, more) for one, other, view in expected if view == OWN
                 for more in (7, 8)}  # fmt: skip
    assert sum(map(len, waves)) == len(expected)
    assert {triple for wave in waves for triple in triples(wave)} == expected
