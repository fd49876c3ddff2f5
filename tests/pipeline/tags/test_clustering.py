import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.clustering import cluster_keywords, elbow_rows
from schemas.config import TagsConfig

TOPICS = ("猫", "狗", "上班", "睡觉")
QUICK = TagsConfig(max_clusters=12, seeds=2)


def planted(each: int = 6) -> dict[str, tuple[str, ...]]:
    return {f"{topic} {n}": (topic, topic, f"w{topic}{n}") for topic in TOPICS for n in range(each)}


def test_planted_topics_come_back_whole() -> None:
    clusters, curve = cluster_keywords(planted(), TagsConfig(clusters=4))
    assert curve is not None
    assert [{m.keyword.split()[0] for m in cluster} for cluster in clusters] == [
        {topic} for topic in sorted(TOPICS)
    ]
    assert all(m.distance > 0 for cluster in clusters for m in cluster)


def test_squared_distances_add_up_to_the_inertia() -> None:
    clusters, curve = cluster_keywords(planted(), TagsConfig(clusters=6, seeds=1))
    assert curve is not None
    squares = sum(m.distance**2 for cluster in clusters for m in cluster)
    assert squares == pytest.approx(curve.inertias[0], abs=1e-4)


def test_the_largest_cluster_is_the_first() -> None:
    tokens = {f"{topic} {n}": (topic,) for topic, n in (("乙", 0), *(("甲", n) for n in range(3)))}
    clusters, _ = cluster_keywords(tokens, TagsConfig(clusters=2))
    assert [[m.keyword for m in cluster] for cluster in clusters] == [
        ["甲 0", "甲 1", "甲 2"],
        ["乙 0"],
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rows = list(planted().items())
    expected = cluster_keywords(dict(rows), QUICK)
    random.Random(seed).shuffle(rows)
    assert cluster_keywords(dict(rows), QUICK) == expected


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [
        ({}, []),
        ({"的": ()}, []),
        ({"猫": ("猫",)}, [1]),
        ({"猫": ("猫",), "猫!": ("猫",), "的": ()}, [2]),
        ({"猫": ("猫",), "狗": ("狗",)}, [1, 1]),
        ({"猫": ("猫",), "狗": ("狗",), "猫狗": ("猫", "狗")}, [1, 1, 1]),
    ],
)
def test_too_little_to_cluster_is_no_accident(
    tokens: dict[str, tuple[str, ...]], sizes: list[int]
) -> None:
    config = TagsConfig(min_clusters=3)
    clusters, curve = cluster_keywords(tokens, config)
    assert [len(cluster) for cluster in clusters] == sizes
    rows = elbow_rows(curve)
    assert [row["k"] for row in rows if row["chosen"]] == [len(sizes)] * bool(sizes)


def test_the_elbow_table_says_what_was_chosen() -> None:
    rows = elbow_rows(cluster_keywords(planted(), QUICK)[1])
    assert [row["k"] for row in rows] == list(range(2, 13))
    chosen = [row for row in rows if row["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["height"] == max(float(str(row["height"])) for row in rows)
    fixed = elbow_rows(cluster_keywords(planted(), TagsConfig(clusters=4))[1])
    assert [(row["k"], row["height"], row["clear"]) for row in fixed] == [(4, None, None)]
