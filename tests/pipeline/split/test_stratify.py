import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.split import stratify

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def assign(
    groups: Mapping[str, str],
    labels: Mapping[str, Sequence[str]],
    shares: Mapping[str, float],
    seed: int = 0,
) -> dict[str, str]:
    """Split of each sticker in ``groups`` (id to group); ``labels`` gives tags by id."""
    names = sorted(set(groups.values()))
    tags = sorted({tag for found in labels.values() for tag in found})
    pairs = [
        (row, tags.index(tag))
        for row, sticker in enumerate(groups)
        for tag in labels.get(sticker, ())
    ]
    splits = stratify.assign(
        pa.array(names, pa.string()),
        np.array([names.index(group) for group in groups.values()], dtype=np.int64),
        *np.array(pairs, dtype=np.int64).reshape(-1, 2).T,
        shares,
        seed,
    )
    placed = dict(zip(names, [list(shares)[split] for split in splits], strict=True))
    return {sticker: placed[group] for sticker, group in sorted(groups.items())}


def dataset(
    rows: int, tags: int, seed: int, largest: int = 40
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Groups with a long tail of sizes; tags with a long tail, alike within a group."""
    rng = random.Random(seed)
    weights = [1 / (n + 1) for n in range(tags)]
    groups: dict[str, str] = {}
    labels: dict[str, list[str]] = {}
    while len(groups) < rows:
        first = f"{len(groups):05d}"
        common = rng.choices(range(tags), weights, k=2)
        for _ in range(min(largest, int(rng.paretovariate(1.2)), rows - len(groups))):
            sticker = f"{len(groups):05d}"
            groups[sticker] = first
            own = rng.choices(range(tags), weights, k=rng.choice([0, 0, 1, 2]))
            labels[sticker] = sorted({f"tag{tag}" for tag in [rng.choice(common), *own]})
    return groups, labels


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 120), st.integers(1, 20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_group_is_split_and_order_changes_nothing(
    rows: int, tags: int, seed: int, shuffle: int
) -> None:
    groups, labels = dataset(rows, tags, seed)
    splits = assign(groups, labels, SHARES)
    assert set(splits) == set(groups)
    seen = defaultdict(set)
    for sticker, split in splits.items():
        seen[groups[sticker]].add(split)
    assert all(len(found) == 1 for found in seen.values())
    order = random.Random(shuffle).sample(sorted(groups), len(groups))
    again = assign(
        {sticker: groups[sticker] for sticker in order},
        {sticker: labels[sticker][::-1] for sticker in reversed(order)},
        SHARES,
    )
    assert again == splits


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_tags_come_in_their_shares(seed: int) -> None:
    groups, labels = dataset(4000, 60, seed)
    splits = assign(groups, labels, SHARES, seed=seed)
    rows = Counter(splits.values())
    for split, share in SHARES.items():
        assert rows[split] / len(splits) == pytest.approx(share, abs=0.01)
    totals = Counter(tag for tags in labels.values() for tag in tags)
    held = {split: Counter[str]() for split in SHARES}
    for sticker, split in splits.items():
        held[split].update(labels[sticker])
    frequent = [tag for tag, count in totals.items() if count >= 50]
    assert len(frequent) > 20
    for split, share in SHARES.items():
        deviations = [abs(held[split][tag] / totals[tag] - share) for tag in frequent]
        assert sum(deviations) / len(deviations) < 0.02
        assert all(held[split][tag] for tag in frequent)


def test_tags_are_balanced_where_rows_alone_would_not() -> None:
    groups = {f"{n:03d}": f"{n:03d}" for n in range(200)}
    labels = {sticker: ["rare"] if int(sticker) < 20 else ["common"] for sticker in groups}
    splits = assign(groups, labels, SHARES)
    rare = Counter(splits[sticker] for sticker in groups if labels[sticker] == ["rare"])
    assert rare == {"train": 16, "validation": 2, "test": 2}


def test_the_seed_only_breaks_ties() -> None:
    groups = {f"{n:03d}": f"{n:03d}" for n in range(100)}
    first, second = (assign(groups, {}, SHARES, seed=seed) for seed in (0, 1))
    assert first != second
    assert Counter(first.values()) == Counter(second.values())
    assert Counter(first.values()) == {"train": 80, "validation": 10, "test": 10}


def test_a_split_with_no_share_gets_nothing() -> None:
    groups = {f"{n:03d}": f"{n:03d}" for n in range(50)}
    shares = {"train": 0.9, "validation": 0.1, "test": 0.0}
    assert set(assign(groups, {}, shares).values()) == {"train", "validation"}
    with pytest.raises(ValueError, match="share above 0"):
        assign(groups, {}, {"train": 0.0})
