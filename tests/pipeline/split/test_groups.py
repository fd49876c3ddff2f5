import random
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.split import groups

IDS = st.sampled_from("abcdefghij")
LINKS = st.lists(st.tuples(IDS, st.tuples(st.sampled_from(["group", "pack"]), st.integers(0, 6))))


def connected_groups(
    ids: Collection[str], links: list[tuple[str, tuple[str, int]]]
) -> dict[str, str]:
    """Group of each of ``ids`` by name; links may name others, too."""
    everyone = list(dict.fromkeys([*ids, *(sticker for sticker, _ in links)]))
    kinds = {kind: [link for link in links if link[1][0] == kind] for kind in ("group", "pack")}
    numbered = [
        (
            np.array([everyone.index(sticker) for sticker, _ in chosen], dtype=np.int64),
            np.array([number for _, (_, number) in chosen], dtype=np.int64),
        )
        for chosen in kinds.values()
    ]
    rows = np.arange(len(ids))
    found = groups.connected_groups(pa.chunked_array([everyone], pa.string()), rows, numbered)
    return {everyone[row]: everyone[leader] for row, leader in enumerate(found.tolist())}


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
    found = connected_groups(ids, links)
    assert set(found) == ids
    for sticker in ids:
        together = reachable(sticker, links) & ids
        assert found[sticker] == min(together)
        assert {other for other in ids if found[other] == found[sticker]} == together


@settings(max_examples=50, deadline=None)
@given(LINKS, st.integers(0, 99))
def test_the_order_of_links_changes_nothing(
    links: list[tuple[str, tuple[str, int]]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(links, len(links))
    assert connected_groups("jihgfedcba", shuffled) == connected_groups("abcdefghij", links)


def test_a_chain_of_a_hundred_thousand_is_one_group() -> None:
    rows = np.arange(100_001)
    ids = pa.chunked_array([[str(row) for row in rows]])
    links = np.repeat(rows, 2)[1:-1], np.repeat(rows[:-1], 2)
    assert set(groups.connected_groups(ids, rows, [links])) == {0}
