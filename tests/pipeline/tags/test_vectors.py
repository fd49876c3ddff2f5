import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.vectors import vectorise

BAGS = st.lists(st.lists(st.sampled_from("猫狗笑跳睡b"), max_size=5), max_size=12)


def lists(tokens: list[list[str]]) -> pa.ListArray:
    return pa.array(tokens, pa.list_(pa.string()))


def test_vectors_are_distinct_directions_with_weights() -> None:
    tokens = [["猫", "笑"], ["笑", "猫"], [], ["狗"], ["狗", "狗"], ["猫", "猫", "笑"]]
    vectors = vectorise(lists(tokens), min_df=1)
    assert vectors.rows[0] == vectors.rows[1] != vectors.rows[5]
    assert vectors.rows[2] == -1
    assert vectors.rows[3] == vectors.rows[4]
    assert sorted(vectors.weights) == [1, 2, 2]


@settings(max_examples=60, deadline=None)
@given(BAGS, st.integers(1, 3))
def test_vectors_are_those_of_scikit_learn(tokens: list[list[str]], min_df: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = vectorise(lists(tokens), min_df)
    shared = {w for w in "猫狗笑跳睡b" if sum(w in words for words in tokens) >= min_df}
    bags = [[word for word in words if word in shared] for words in tokens]
    assert [row >= 0 for row in vectors.rows] == [bool(bag) for bag in bags]
    left = [bag for bag in bags if bag]
    if left:
        expected = TfidfVectorizer(analyzer=list).fit_transform(left).toarray()
        ours = vectors.matrix.toarray()[vectors.rows[vectors.rows >= 0]]
        assert ours == pytest.approx(expected)
        assert vectors.weights.sum() == len(left)
        assert len(np.unique(ours.round(9), axis=0)) == vectors.count


@settings(max_examples=30, deadline=None)
@given(BAGS, st.randoms())
def test_the_order_of_keywords_changes_no_bit(
    tokens: list[list[str]], shuffler: random.Random
) -> None:
    vectors = vectorise(lists(tokens), 1)
    order = list(range(len(tokens)))
    shuffler.shuffle(order)
    shuffled = vectorise(lists([tokens[place] for place in order]), 1)
    assert np.array_equal(shuffled.rows, vectors.rows[order])
    assert np.array_equal(shuffled.weights, vectors.weights)
    assert np.array_equal(shuffled.matrix.data, vectors.matrix.data)
    assert np.array_equal(shuffled.matrix.indices, vectors.matrix.indices)


def test_rare_words_are_left_out_and_may_leave_nothing() -> None:
    tokens = lists([["猫", "笑"], ["猫"], ["狗"]])
    assert vectorise(tokens, min_df=2).rows.tolist() == [0, 0, -1]
    assert vectorise(tokens, min_df=3).count == 0
    assert vectorise(lists([]), min_df=1).count == 0
