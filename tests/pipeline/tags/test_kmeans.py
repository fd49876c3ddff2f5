import random

import numpy as np
import pytest

from pipeline.tags.kmeans import SeededKMeans, choose_clusters
from pipeline.tags.vectors import vectorise
from schemas.config import TagsConfig


def planted(topics: int, each: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Keywords of ``topics`` topics: a topic's word always, and words of its own."""
    rng = random.Random(seed)
    return [
        (f"topic{topic}", f"topic{topic}", f"word{topic}-{rng.randrange(each)}")
        for topic in range(topics)
        for _ in range(each)
    ]


def test_vectors_are_distinct_bags_with_weights() -> None:
    vectors = vectorise([("猫", "笑"), ("笑", "猫"), (), ("狗",), ("狗", "狗")], min_df=1)
    assert vectors.rows[0] == vectors.rows[1]
    assert vectors.rows[2] is None
    assert vectors.rows[3] != vectors.rows[4]
    assert vectors.weights.sum() == 4
    assert sorted(vectors.weights) == [1, 1, 2]
    assert np.sqrt(vectors.matrix.multiply(vectors.matrix).sum(axis=1)) == pytest.approx(1)


def test_vectors_are_those_of_all_keywords_not_of_distinct_ones() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    tokens = [("猫", "笑")] * 5 + [("狗", "笑"), ("猫", "狗", "跳")]
    vectors = vectorise(tokens, min_df=1)
    expected = TfidfVectorizer(analyzer=list).fit_transform(tokens).toarray()
    assert vectors.matrix.toarray()[list(vectors.rows)] == pytest.approx(expected)


def test_rare_words_are_left_out_and_may_leave_nothing() -> None:
    tokens = [("猫", "笑"), ("猫",), ("狗",)]
    vectors = vectorise(tokens, min_df=2)
    assert vectors.rows == (0, 0, None)
    assert vectorise(tokens, min_df=3).count == 0
    assert vectorise([], min_df=1).count == 0


def test_weighted_distinct_rows_have_the_inertia_of_all_rows() -> None:
    tokens = [*planted(5, 8), *planted(5, 8, seed=1)]
    vectors = vectorise(tokens, 1)
    run = SeededKMeans(vectors, 5, seed=0).run(5)
    rows = vectors.matrix[[row for row in vectors.rows if row is not None]].toarray()
    labels = [run.labels[row] for row in vectors.rows if row is not None]
    inertia = ((rows - run.centres[labels]) ** 2).sum()
    assert run.inertia == pytest.approx(inertia)


@pytest.mark.parametrize("topics", [20, 60])
def test_planted_topics_are_a_clear_elbow(topics: int) -> None:
    config = TagsConfig(max_clusters=300)
    vectors = vectorise(planted(topics, 12), 1)
    run, curve = choose_clusters(vectors, config)
    assert curve.elbow is not None
    assert curve.elbow.clear
    assert abs(curve.k - topics) <= max(2, topics // 20)
    assert len(set(run.labels)) == curve.k


def test_unrelated_keywords_have_no_clear_elbow() -> None:
    vectors = vectorise([(f"word{n}",) for n in range(60)], 1)
    _, curve = choose_clusters(vectors, TagsConfig(max_clusters=40))
    assert curve.elbow is not None
    assert not curve.elbow.clear


def test_a_fixed_number_is_taken_and_capped_by_distinct_vectors() -> None:
    vectors = vectorise(planted(10, 5), 1)
    run, curve = choose_clusters(vectors, TagsConfig(clusters=7))
    assert (curve.k, curve.ks, curve.elbow) == (7, (7,), None)
    assert len(set(run.labels)) == 7
    _, capped = choose_clusters(vectorise([("猫",), ("狗",)], 1), TagsConfig(clusters=400))
    assert capped.k == 2


def test_inertia_is_close_to_the_best_of_ten_plain_runs() -> None:
    from sklearn.cluster import KMeans

    vectors = vectorise(planted(30, 10), 1)
    nested = min(SeededKMeans(vectors, 60, seed).inertia(30) for seed in range(3))
    plain = KMeans(30, n_init=10, random_state=0).fit(vectors.matrix, sample_weight=vectors.weights)
    assert nested <= plain.inertia_ * 1.02
