import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.clustering import KeywordClusters, cluster_keywords, elbow_rows
from schemas.config import TagsConfig

TOPICS = ("猫", "狗", "上班", "睡觉")
QUICK = TagsConfig(max_clusters=12, seeds=2)

Tokens = dict[str, tuple[str, ...]]


def planted(each: int = 6) -> Tokens:
    return {f"{topic} {n}": (topic, topic, f"w{topic}{n}") for topic in TOPICS for n in range(each)}


def clustered(tokens: Tokens, config: TagsConfig) -> KeywordClusters:
    lists = pa.array(list(tokens.values()), pa.list_(pa.string()))
    return cluster_keywords(pa.array(list(tokens), pa.string()), lists, config)


def members(tokens: Tokens, found: KeywordClusters) -> list[list[str]]:
    """Keywords of each cluster in order."""
    named = list(zip(tokens, found.clusters, strict=True))
    return [
        sorted(keyword for keyword, cluster in named if cluster == number)
        for number in range(found.clusters.max(initial=-1) + 1)
    ]


def test_planted_topics_come_back_whole() -> None:
    tokens = planted()
    found = clustered(tokens, TagsConfig(clusters=4))
    assert [{keyword.split()[0] for keyword in cluster} for cluster in members(tokens, found)] == [
        {topic} for topic in sorted(TOPICS)
    ]
    assert (found.distances > 0).all()


def test_squared_distances_add_up_to_the_inertia() -> None:
    found = clustered(planted(), TagsConfig(clusters=6, seeds=1))
    assert found.curve is not None
    assert (found.distances**2).sum() == pytest.approx(found.curve.inertias[0], abs=1e-4)


def test_the_largest_cluster_is_the_first_and_equal_ones_go_by_keyword() -> None:
    tokens: Tokens = {"丙": ("丙",), "乙": ("乙",), "无": (), **{f"甲{n}": ("甲",) for n in "012"}}
    found = clustered(tokens, TagsConfig(clusters=3))
    assert members(tokens, found) == [["甲0", "甲1", "甲2"], ["丙"], ["乙"]]
    assert found.clusters[2] == -1
    assert np.isnan(found.distances[2])
    assert (found.distances[found.clusters >= 0] == 0).all()


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rows = list(planted().items())
    expected = clustered(dict(rows), QUICK)
    place = {keyword: number for number, (keyword, _) in enumerate(rows)}
    random.Random(seed).shuffle(rows)
    shuffled = clustered(dict(rows), QUICK)
    order = [place[keyword] for keyword, _ in rows]
    assert np.array_equal(shuffled.clusters, expected.clusters[order])
    assert np.array_equal(shuffled.distances, expected.distances[order])
    assert shuffled.curve == expected.curve


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [
        ({}, []),
        ({"的": ()}, []),
        ({"猫": ("猫",)}, [1]),
        ({"猫": ("猫",), "猫!": ("猫",), "猫猫": ("猫", "猫"), "的": ()}, [3]),
        ({"猫": ("猫",), "狗": ("狗",)}, [1, 1]),
        ({"猫": ("猫",), "狗": ("狗",), "猫狗": ("猫", "狗")}, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("clusters", [None, 50])
def test_too_little_to_cluster_is_no_accident(
    tokens: Tokens, sizes: list[int], clusters: int | None
) -> None:
    found = clustered(tokens, TagsConfig(min_clusters=3, clusters=clusters))
    assert [len(cluster) for cluster in members(tokens, found)] == sizes
    rows = elbow_rows(found.curve)
    assert [row["k"] for row in rows if row["chosen"]] == [len(sizes)] * bool(sizes)


def test_the_elbow_table_says_what_was_chosen() -> None:
    rows = elbow_rows(clustered(planted(), QUICK).curve)
    assert [row["k"] for row in rows] == list(range(2, 13))
    chosen = [row for row in rows if row["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["height"] == max(float(str(row["height"])) for row in rows)
    assert [row["k"] for row in rows if row["stability"] is not None] == [chosen[0]["k"]]
    fixed = elbow_rows(clustered(planted(), TagsConfig(clusters=4)).curve)
    assert [(row["k"], row["height"], row["clear"]) for row in fixed] == [(4, None, None)]
    assert fixed[0]["stability"] == 1
