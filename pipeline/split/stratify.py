"""Grouped multi-label stratification: whole groups to splits, every tag in its share.

No maintained library does both at once. Groups go one after another, the largest first, each to
the split whose shortage of rows and of the group's tags it relieves most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]

_CHUNK = 1 << 16
"""Groups whose counts are Python's numbers at a time."""


def assign(
    names: pa.Array,
    groups: Ints,
    tagged: Ints,
    tags: Ints,
    shares: Mapping[str, float],
    seed: int = 0,
    held: Ints | None = None,
) -> Ints:
    """Place in ``shares`` of the split of each group in ``names``.

    ``groups`` gives the place of each sticker's group in ``names``; ``tagged`` and ``tags`` are
    pairs of a sticker's place there and the number of a tag that it carries, by the tags' order;
    ``shares`` the share of each split, adding up to 1. The order of stickers changes nothing;
    ``seed`` only breaks ties between groups. ``held`` gives the splits that groups have already,
    -1 for none: they keep them, and the others fill what the splits lack then. Raises ValueError
    where no share is above 0.
    """
    open_splits = {place: share for place, share in enumerate(shares.values()) if share > 0}
    if not open_splits:
        raise ValueError("no split has a share above 0")
    counts = _count(groups, tagged, tags)
    found = np.full(len(names), -1) if held is None else held.copy()
    before = {split: counts.carried(found == split) for split in open_splits}
    order = _in_order(counts, names, seed, np.flatnonzero(found < 0))
    found[order] = np.fromiter(_fill(counts, order, open_splits, before), np.int64, len(order))
    return found


@dataclass(frozen=True)
class _Counts:
    """How many stickers of each group carry each key: 0 for all of them, then the tags.

    Those of a group lie between its ``starts`` and the next one's; ``totals`` are over all.
    """

    starts: Ints
    keys: Ints
    stickers: Ints
    totals: Ints

    def carried(self, groups: npt.NDArray[np.bool_]) -> list[int]:
        """How many stickers of the chosen groups carry each key."""
        chosen = np.repeat(groups, np.diff(self.starts))
        weights = self.stickers[chosen]
        carried = np.bincount(self.keys[chosen], weights=weights, minlength=len(self.totals))
        return [int(count) for count in carried]


def _count(groups: Ints, tagged: Ints, tags: Ints) -> _Counts:
    width = int(tags.max(initial=-1)) + 2
    each = np.unique(tagged * width + tags + 1)
    carried = np.concatenate([groups * width, groups[each // width] * width + each % width])
    pairs, stickers = np.unique(carried, return_counts=True)
    keys = pairs % width
    totals = np.bincount(keys, weights=stickers, minlength=width).astype(np.int64)
    return _Counts(np.append(np.flatnonzero(keys == 0), len(keys)), keys, stickers, totals)


def _fill(
    counts: _Counts, order: Ints, shares: Mapping[int, float], held: Mapping[int, list[int]]
) -> Iterator[int]:
    """Split of each group, in the given order; ``held`` is what the splits hold before."""
    rows, totals = int(counts.totals[0]), counts.totals.tolist()
    # Rows weigh as much as all tags of an average sticker together, so that sizes come out too.
    tags_per_row = (sum(totals) - rows) / max(1, rows)
    weights = [max(1.0, tags_per_row), *[1.0] * (len(totals) - 1)]
    targets = {split: [share * total for total in totals] for split, share in shares.items()}

    def growth(split: int) -> float:
        """Growth of the chi-squared distance between what the split holds and its share."""
        total, own, wanted = 0.0, held[split], targets[split]
        for key, n in count:
            target = wanted[key]
            total += weights[key] * (2 * (own[key] - target) * n + n * n) / target
        return round(total, 9)

    for count in _each(counts, order):
        chosen = min(shares, key=growth)
        own = held[chosen]
        for key, n in count:
            own[key] += n
        yield chosen


def _each(counts: _Counts, order: Ints) -> Iterator[list[tuple[int, int]]]:
    """Keys and stickers of each group, in the given order."""
    for start in range(0, len(order), _CHUNK):
        groups = order[start : start + _CHUNK]
        first = counts.starts[groups]
        sizes = counts.starts[groups + 1] - first
        ends = np.cumsum(sizes)
        at = np.repeat(first - ends + sizes, sizes) + np.arange(ends[-1])
        pairs = list(zip(counts.keys[at].tolist(), counts.stickers[at].tolist(), strict=True))
        for end, size in zip(ends.tolist(), sizes.tolist(), strict=True):
            yield pairs[end - size : end]


def _in_order(counts: _Counts, names: pa.Array, seed: int, chosen: Ints) -> Ints:
    """The chosen groups, large ones first, they fit in few places; then those with rare tags; ties
    by seed."""
    if not len(chosen):
        return chosen
    first = counts.starts[:-1]
    rarest = np.minimum.reduceat(counts.totals[counts.keys], first)[chosen]
    ties = b"".join(
        hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()
        for start in range(0, len(chosen), _CHUNK)
        for name in names.take(pa.array(chosen[start : start + _CHUNK])).to_pylist()
    )
    high, low = np.frombuffer(ties, ">u8").reshape(-1, 2).T
    order: Ints = np.lexsort((low, high, rarest, -counts.stickers[first][chosen]))
    return chosen[order]
