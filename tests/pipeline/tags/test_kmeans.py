import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.kmeans import KMeans
from pipeline.tags.nearest import Labels
from pipeline.tags.vectors import Floats, Vectors, vectorise

WORDS = [f"w{n}" for n in range(12)]
TOKENS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=2, max_size=60)


def vectors_of(tokens: list[list[str]]) -> Vectors:
    return vectorise(pa.array(tokens, pa.list_(pa.string())), 1)


def phrases(count: int, seed: int = 0) -> Vectors:
    """Vectors of phrases whose words follow Zipf's law."""
    rng = random.Random(seed)
    words = [f"w{n}" for n in range(count)]
    weights = [1 / (n + 3) for n in range(count)]
    return vectors_of([rng.choices(words, weights, k=rng.randint(1, 5)) for _ in range(count)])


def squared_distances(vectors: Vectors, labels: Labels) -> Floats:
    """From each vector to each centre, by the definition."""
    rows = vectors.matrix.toarray()
    centres = [
        np.average(rows[labels == n], axis=0, weights=vectors.weights[labels == n])
        for n in range(labels.max() + 1)
    ]
    distances: Floats = ((rows[:, None, :] - np.array(centres)[None]) ** 2).sum(axis=2)
    return distances


@settings(max_examples=60, deadline=None)
@given(TOKENS, st.integers(0, 50))
def test_clusters_have_settled_and_none_is_empty(tokens: list[list[str]], seed: int) -> None:
    vectors = vectors_of(tokens)
    kmeans = KMeans(vectors, seed, tolerance=0)
    for count in range(2, vectors.count + 1):
        kmeans.grow(count)
        assert set(kmeans.labels.tolist()) == set(range(count))
        distances = squared_distances(vectors, kmeans.labels)
        own = distances[np.arange(vectors.count), kmeans.labels]
        assert kmeans.inertia == pytest.approx(vectors.weights @ own, abs=1e-9)
        # No vector is nearer to another centre, but for float32's rounding.
        assert (own <= distances.min(axis=1) + 1e-5).all()
    assert kmeans.inertia == pytest.approx(0, abs=1e-9)


def test_scikit_learn_finds_nothing_to_improve() -> None:
    from sklearn.cluster import KMeans as Reference

    vectors = phrases(300)
    kmeans = KMeans(vectors, 0, tolerance=0)
    for count in (5, 40, 41, 80):
        kmeans.grow(count)
        rows = vectors.matrix.toarray()
        centres = [
            np.average(
                rows[kmeans.labels == n], axis=0, weights=vectors.weights[kmeans.labels == n]
            )
            for n in range(count)
        ]
        plain = Reference(count, init=np.array(centres), n_init=1, tol=0)
        plain.fit(vectors.matrix, sample_weight=vectors.weights)
        assert kmeans.inertia == pytest.approx(plain.inertia_, rel=1e-6)


def test_inertia_is_no_worse_than_the_best_of_ten_plain_runs() -> None:
    from sklearn.cluster import KMeans as Reference

    vectors = phrases(800)
    kmeans = KMeans(vectors, 0)
    for count in (10, 60, 150):
        kmeans.grow(count)
        plain = Reference(count, n_init=10, random_state=0)
        plain.fit(vectors.matrix, sample_weight=vectors.weights)
        assert kmeans.inertia <= plain.inertia_ * 1.02


def test_more_clusters_never_have_more_inertia() -> None:
    kmeans = KMeans(phrases(500), 3)
    inertias = []
    for count in range(2, 60):
        kmeans.grow(count)
        inertias.append(kmeans.inertia)
    assert all(after < before for before, after in pairwise(inertias))


def test_beginning_from_labels_goes_on_as_the_run_that_made_them() -> None:
    vectors = phrases(300)
    first = KMeans(vectors, 1, tolerance=0)
    first.grow(20)
    second = KMeans(vectors, 1, tolerance=0)
    second.start(first.labels)
    assert second.inertia == pytest.approx(first.inertia)
    for kmeans in (first, second):
        kmeans.grow(25)
    assert np.array_equal(first.labels, second.labels)


def test_many_blocks_of_centres_are_as_good_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = []
    for block, scores in ((128, 1 << 20), (7, 200)):
        monkeypatch.setattr("pipeline.tags.kmeans._BLOCK", block)
        monkeypatch.setattr("pipeline.tags.kmeans._SCORES", scores)
        kmeans = KMeans(phrases(300), 0)
        kmeans.grow(60)
        labels.append(kmeans.labels)
    assert np.array_equal(labels[0], labels[1])


def test_vectors_that_hardly_differ_are_still_told_apart() -> None:
    vectors = vectors_of([["a"] * count + ["b"] for count in range(60, 80)])
    kmeans = KMeans(vectors, 0)
    kmeans.grow(vectors.count)
    assert len(set(kmeans.labels.tolist())) == vectors.count
