"""Grouped multi-label stratification: whole groups to splits, every tag in its share.

No maintained library does both at once. Groups go one after another, the largest first, each to
the split whose shortage of rows and of the group's tags it relieves most.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

_ROWS = ("rows", "")


def assign(
    groups: Mapping[str, str],
    labels: Mapping[str, Sequence[str]],
    shares: Mapping[str, float],
    seed: int = 0,
) -> dict[str, str]:
    """Split of each sticker in ``groups`` (id to group), no group in two splits.

    ``labels`` gives tags by id; ``shares`` the share of each split, adding up to 1. The order of
    ids changes nothing; ``seed`` only breaks ties between groups. Raises ValueError where no
    share is above 0.
    """
    open_splits = {split: share for split, share in shares.items() if share > 0}
    if not open_splits:
        raise ValueError("no split has a share above 0")
    members: defaultdict[str, list[str]] = defaultdict(list)
    for sticker, group in groups.items():
        members[group].append(sticker)
    counts = {group: _count(stickers, labels) for group, stickers in members.items()}
    placed = _fill(counts, open_splits, seed)
    return {sticker: placed[group] for sticker, group in sorted(groups.items())}


def _count(
    stickers: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> Counter[tuple[str, str]]:
    counts = Counter(("tag", tag) for sticker in stickers for tag in set(labels.get(sticker, ())))
    counts[_ROWS] = len(stickers)
    return counts


def _fill(
    counts: Mapping[str, Counter[tuple[str, str]]],
    shares: Mapping[str, float],
    seed: int,
) -> dict[str, str]:
    """Split of each group in ``counts``."""
    totals: Counter[tuple[str, str]] = Counter()
    for count in counts.values():
        totals.update(count)
    # Rows weigh as much as all tags of an average sticker together, so that sizes come out too.
    tags_per_row = (totals.total() - totals[_ROWS]) / max(1, totals[_ROWS])
    weights = {_ROWS: max(1.0, tags_per_row)}
    held = {split: Counter[tuple[str, str]]() for split in shares}

    def growth(split: str, count: Counter[tuple[str, str]]) -> float:
        """Growth of the chi-squared distance between what the split holds and its share."""
        total = 0.0
        for key in sorted(count):
            target = shares[split] * totals[key]
            n = count[key]
            excess = held[split][key] - target
            total += weights.get(key, 1.0) * (2 * excess * n + n * n) / target
        return round(total, 9)

    found: dict[str, str] = {}
    for group in _in_order(counts, totals, seed):
        found[group] = min(shares, key=lambda split: growth(split, counts[group]))
        held[found[group]].update(counts[group])
    return found


def _in_order(
    counts: Mapping[str, Counter[tuple[str, str]]],
    totals: Counter[tuple[str, str]],
    seed: int,
) -> list[str]:
    """Large groups first, they fit in few places; then those with rare tags; ties by seed."""

    def place(group: str) -> tuple[int, int, str, str]:
        rarest = min(totals[key] for key in counts[group])
        tie = hashlib.blake2b(f"{seed}\0{group}".encode(), digest_size=16).hexdigest()
        return -counts[group][_ROWS], rarest, tie, group

    return sorted(counts, key=place)
