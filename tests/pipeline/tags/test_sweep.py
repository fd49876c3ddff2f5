import random

import numpy as np
import pyarrow as pa
import pytest

from pipeline.tags.elbow import small_numbers
from pipeline.tags.sweep import choose_clusters
from pipeline.tags.vectors import Vectors, vectorise
from schemas.config import TagsConfig


def vectors_of(tokens: list[tuple[str, ...]]) -> Vectors:
    return vectorise(pa.array(tokens, pa.list_(pa.string())), 1)


def planted(topics: int, each: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Keywords of ``topics`` topics: a topic's word always, and words of its own."""
    rng = random.Random(seed)
    return [
        (f"topic{topic}", f"topic{topic}", f"word{topic}-{rng.randrange(each)}")
        for topic in range(topics)
        for _ in range(each)
    ]


@pytest.mark.parametrize("topics", [25, 120])
def test_the_elbow_finds_planted_topics(topics: int) -> None:
    from sklearn.metrics import adjusted_rand_score

    vectors = vectors_of(planted(topics, 10))
    run, curve = choose_clusters(vectors, TagsConfig(max_clusters=240, seeds=2))
    assert curve.elbow is not None
    assert curve.elbow.clear
    assert abs(curve.k - topics) <= max(2, topics // 20)
    assert len(set(run.labels.tolist())) == curve.k
    truth = np.repeat(np.arange(topics), 10)
    assert adjusted_rand_score(truth, run.labels[vectors.rows]) >= 0.9
    assert curve.stability is not None
    assert curve.stability >= 0.9


def test_unrelated_keywords_have_no_clear_elbow() -> None:
    vectors = vectors_of([(f"word{n}",) for n in range(60)])
    _, curve = choose_clusters(vectors, TagsConfig(max_clusters=40))
    assert curve.elbow is not None
    assert not curve.elbow.clear


def test_phrases_of_random_words_have_no_clear_elbow_however_wide_the_range() -> None:
    rng = random.Random(0)
    words = [f"w{n}" for n in range(700)]
    weights = [1 / (n + 3) for n in range(700)]
    tokens = [tuple(rng.choices(words, weights, k=rng.randint(1, 5))) for _ in range(400)]
    _, curve = choose_clusters(vectors_of(tokens), TagsConfig(seeds=1, step=4))
    assert curve.elbow is not None
    assert not curve.elbow.clear
    assert curve.elbow.lowest < curve.k < curve.elbow.highest


def noisy(topics: int, each: int) -> list[tuple[str, ...]]:
    """Keywords of two to five words: half of their topic, half of what all topics share."""
    rng = random.Random(1)
    shared = [f"shared{n}" for n in range(60)]
    often = [1 / (n + 3) for n in range(60)]
    return [
        (
            f"topic{topic}",
            *(f"word{topic}-{rng.randrange(6)}" for _ in range(words // 2 - 1)),
            *rng.choices(shared, often, k=words - max(1, words // 2)),
        )
        for topic in range(topics)
        for words in rng.choices((2, 3, 4, 5), k=each)
    ]


def test_topics_among_shared_words_are_told_apart() -> None:
    from sklearn.metrics import adjusted_rand_score

    vectors = vectors_of(noisy(120, 20))
    run, _ = choose_clusters(vectors, TagsConfig(clusters=120, seeds=1))
    truth = np.repeat(np.arange(120), 20)
    assert adjusted_rand_score(truth, run.labels[vectors.rows]) >= 0.99


def test_the_fine_pass_goes_by_single_steps_around_the_coarse_elbow() -> None:
    _, curve = choose_clusters(
        vectors_of(planted(30, 20)), TagsConfig(max_clusters=200, coarse_step=20, seeds=1)
    )
    coarse = [2, *range(20, 201, 20)]
    small = small_numbers(coarse, 1)
    assert small[:8] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert {*coarse, *small} < set(curve.ks)
    assert set(curve.ks) - {*coarse, *small} == set(range(21, 40)) | set(range(41, 60))
    assert curve.stability is None


def test_any_number_of_workers_gives_the_same_bytes() -> None:
    vectors = vectors_of([*planted(12, 6), *planted(4, 12, seed=1)])
    config = TagsConfig(max_clusters=30, coarse_step=10, seeds=3)
    (one, curve), *others = [choose_clusters(vectors, config, workers) for workers in (1, 3)]
    for run, same in others:
        assert run.labels.tobytes() == one.labels.tobytes()
        assert (run.inertia, same) == (one.inertia, curve)


def test_a_fixed_number_is_taken_and_capped_by_distinct_vectors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vectors = vectors_of(planted(10, 5))
    run, curve = choose_clusters(vectors, TagsConfig(clusters=7))
    assert (curve.k, curve.ks, curve.elbow) == (7, (7,), None)
    assert len(set(run.labels.tolist())) == 7
    assert not caplog.records
    _, capped = choose_clusters(vectors_of([("猫",), ("狗",)]), TagsConfig(clusters=400))
    assert capped.k == 2
    assert "asks for 400 clusters" in caplog.text
    assert "2 different sets of words" in caplog.text


def test_stability_is_the_rand_index_of_all_keywords() -> None:
    from sklearn.metrics import adjusted_rand_score

    from pipeline.tags.sweep import _rand_index

    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, (2, 50)).astype(np.int32)
    times = rng.integers(1, 5, 50)
    expected = adjusted_rand_score(np.repeat(one, times), np.repeat(other, times))
    assert _rand_index(one, other, times.astype(float)) == pytest.approx(expected)
    assert _rand_index(one, one, times.astype(float)) == 1
    assert _rand_index(one[:1], one[:1], np.array([1.0])) == 1
