"""Centres of tags are what scikit-learn's TF-IDF and plain matrices make of them."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.tags.tag_space import TagSpace

WORDS = st.lists(st.sampled_from(["猫", "狗", "开心", "晚安", "hi"]), max_size=4)
MEMBERS = st.lists(st.tuples(WORDS, st.integers(-1, 3)), min_size=1, max_size=12)


def lists(tokens: list[list[str]]) -> pa.ListArray:
    return pa.array(tokens, pa.list_(pa.string()))


@settings(max_examples=60, deadline=None)
@given(members=MEMBERS, asked=st.lists(WORDS, min_size=1, max_size=5))
def test_cosines_are_those_of_scikit_learn(
    members: list[tuple[list[str], int]], asked: list[list[str]]
) -> None:
    tokens, tags = [words for words, _ in members], np.array([tag for _, tag in members])
    space = TagSpace.of(lists(tokens), tags, 4)
    if not any(tokens):
        assert space.nearest(lists(asked))[0].tolist() == [-1] * len(asked)
        return
    # Keywords without words are no documents there.
    vectorizer = TfidfVectorizer(analyzer=list).fit([words for words in tokens if words])
    vectors, known = vectorizer.transform(tokens).toarray(), set(vectorizer.get_feature_names_out())
    centres = np.array([vectors[tags == tag].sum(axis=0) for tag in range(4)])
    lengths = np.linalg.norm(centres, axis=1)
    centres /= np.where(lengths > 0, lengths, 1)[:, None]
    for words, tag, cosine in zip(asked, *space.nearest(lists(asked)), strict=True):
        if not set(words) <= known:
            continue
        expected = (vectorizer.transform([words]) @ centres.T).ravel()
        assert abs(cosine - expected.max()) < 1e-9
        assert tag == -1 if cosine == 0 else abs(expected[tag] - expected.max()) < 1e-9
    owned = space.own(lists(tokens), tags)
    assert np.allclose(owned, np.where(tags < 0, 0, (vectors * centres[tags]).sum(axis=1)))


def test_words_that_nobody_knows_make_a_text_less_near() -> None:
    space = TagSpace.of(lists([["猫"], ["狗"]]), np.array([0, 1]), 2)
    tags, cosines = space.nearest(lists([["猫"], ["猫", "新词"], ["新词"], []]))
    assert tags.tolist() == [0, 0, -1, -1]
    assert cosines[0] == 1
    assert 0.4 < cosines[1] < 0.8
    assert cosines[2:].tolist() == [0, 0]


def test_without_tags_nothing_is_near() -> None:
    space = TagSpace.of(lists([["猫"]]), np.array([-1]), 0)
    tags, cosines = space.nearest(lists([["猫"], []]))
    assert (tags.tolist(), cosines.tolist()) == ([-1, -1], [0, 0])


def test_many_texts_are_compared_in_pieces_without_a_seam() -> None:
    space = TagSpace.of(lists([["a"], ["b"]]), np.array([0, 1]), 2)
    tags, _ = space.nearest(lists([["a"], ["b"], []] * 3000))
    assert tags.tolist() == [0, 1, -1] * 3000


def test_the_order_of_keywords_changes_no_bit() -> None:
    tokens = [["猫", "开心"], ["狗"], ["猫", "晚安"], ["hi", "狗"], ["猫"]]
    tags = np.array([0, 1, 0, 1, -1])
    order = [3, 0, 4, 2, 1]
    one = TagSpace.of(lists(tokens), tags, 2)
    other = TagSpace.of(lists([tokens[place] for place in order]), tags[order], 2)
    assert np.allclose(one.centres.toarray(), other.centres.toarray(), atol=1e-15)
    assert one.words.equals(other.words)
