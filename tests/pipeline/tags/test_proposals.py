from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.proposals import (
    Member,
    Proposal,
    class_terms,
    cluster_key,
    propose,
    tagset_version,
)


def cluster(*keywords: str) -> list[Member]:
    return [Member(k, tuple(k.split()), distance=float(n)) for n, k in enumerate(keywords)]


def name_clusters(clusters: list[list[Member]]) -> list[Proposal]:
    return propose({cluster_key(number): found for number, found in enumerate(clusters)})


def test_a_word_that_every_class_uses_ranks_last() -> None:
    terms = class_terms([Counter(猫=2, 真=3), Counter(狗=2, 真=3)])
    assert terms == [["猫", "真"], ["狗", "真"]]


def test_names_that_collide_get_their_next_term() -> None:
    tags = name_clusters([cluster("猫 " * 9 + "笑"), cluster("猫 " * 9 + "哭"), cluster("猫")])
    assert [tag.name for tag in tags] == ["猫", "猫 哭", "猫 2"]


def test_exemplars_are_the_nearest_keywords() -> None:
    members = [Member("丁", ("a",), 0.9), Member("乙", ("a",), 0.1), Member("丙", ("a",), 0.1)]
    assert name_clusters([members])[0].exemplars == ("丙", "乙", "丁")


def test_oversized_and_singleton_clusters_are_flagged() -> None:
    big = cluster(*(f"大{n}" for n in range(40)))
    small = [cluster(f"小{n}", f"少{n}") for n in range(19)]
    tags = name_clusters([big, *small, cluster("独")])
    assert [tag.flags for tag in tags] == [("oversized",), *[()] * 19, ("singleton",)]


def test_two_equal_clusters_are_not_oversized() -> None:
    assert [tag.flags for tag in name_clusters([cluster("猫", "猫咪"), cluster("狗", "狗子")])] == [
        (),
        (),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["猫", "猫 笑", "狗", "笑", "猫 狗 笑"]), min_size=1, max_size=4),
        max_size=12,
    )
)
def test_names_are_unique_whatever_the_clusters(keywords: list[list[str]]) -> None:
    names = [tag.name for tag in name_clusters([cluster(*words) for words in keywords])]
    assert len(set(names)) == len(names) == len(keywords)


def test_a_version_changes_with_a_name_or_an_assignment_and_not_with_order() -> None:
    version = tagset_version(["a", "b"], [("猫", "a"), ("狗", "b")])
    assert version == tagset_version(["b", "a"], [("狗", "b"), ("猫", "a")])
    assert version != tagset_version(["a", "c"], [("猫", "a"), ("狗", "b")])
    assert version != tagset_version(["a", "b"], [("猫", "b"), ("狗", "b")])
    assert len(version) == 12
