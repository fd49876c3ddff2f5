import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.split.groups import connected_groups

IDS = st.sampled_from("abcdefghij")
LINKS = st.lists(st.tuples(IDS, st.tuples(st.sampled_from(["group", "pack"]), st.integers(0, 6))))


def reachable(start: str, links: list[tuple[str, tuple[str, int]]]) -> set[str]:
    """Stickers that share keys with ``start``, directly or through others, by brute force."""
    found = {start}
    while True:
        keys = {key for sticker, key in links if sticker in found}
        more = {sticker for sticker, key in links if key in keys} - found
        if not more:
            return found
        found |= more


@settings(max_examples=150, deadline=None)
@given(st.sets(IDS), LINKS)
def test_groups_are_the_connected_components(
    ids: set[str], links: list[tuple[str, tuple[str, int]]]
) -> None:
    groups = connected_groups(ids, links)
    assert set(groups) == ids
    for sticker in ids:
        together = reachable(sticker, links) & ids
        assert groups[sticker] == min(together)
        assert {other for other in ids if groups[other] == groups[sticker]} == together


@settings(max_examples=50, deadline=None)
@given(LINKS, st.integers(0, 99))
def test_the_order_of_links_changes_nothing(
    links: list[tuple[str, tuple[str, int]]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(links, len(links))
    assert connected_groups("jihgfedcba", shuffled) == connected_groups("abcdefghij", links)


def test_a_key_that_looks_like_an_id_is_no_id() -> None:
    assert connected_groups(["a", "b"], [("a", "b")]) == {"a": "a", "b": "b"}


def test_a_chain_of_a_hundred_thousand_is_one_group() -> None:
    links = [(str(n + end), n) for n in range(100_000) for end in (0, 1)]
    assert set(connected_groups((str(n) for n in range(100_001)), links).values()) == {"0"}
