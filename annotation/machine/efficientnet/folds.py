"""Folds over groups: stickers of one group are always held out together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.machine.efficientnet.samples import LabelledSamples
from pipeline.engine.errors import StickerworksError

MIN_STICKERS, MIN_GROUPS = 8, 2
"""Of each domain: fewer can't be both learnt from and held out."""


def check_enough(labels: LabelledSamples) -> None:
    """StickerworksError that counts what is there and what is needed."""
    counts = {}
    for name, wanted in (("real", True), ("cartoon", False)):
        of = [sample.group for sample in labels.samples if sample.real is wanted]
        counts[name] = len(of), len(set(of))
    if all(n >= MIN_STICKERS and groups >= MIN_GROUPS for n, groups in counts.values()):
        return
    there = " and ".join(f"{n} {name} in {groups} packs" for name, (n, groups) in counts.items())
    left = ", ".join(f"{count} with {reason}" for reason, count in labels.left_out.items())
    raise StickerworksError(
        f"Too few labels to train a domain classifier: {there} from {labels.source}"
        f"{f' ({left} left out)' if left else ''}; at least {MIN_STICKERS} of each domain in "
        f"{MIN_GROUPS} packs are needed, and some hundreds are better.",
        "Have more stickers labelled (`stickerworks label export`, `label import`, then "
        "`stickerworks merge`), or give labels made elsewhere with --labels.",
    )


def assign_folds(groups: Sequence[str], real: Sequence[bool], count: int) -> NDArray[np.int64]:
    """Number of the fold of each sticker, at most ``count`` folds.

    Groups with the rarer domain are dealt first, the largest first, each to the fold that has
    least of that domain; so every fold has both domains where there are groups enough.
    """
    sizes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for group, is_real in zip(groups, real, strict=True):
        sizes[group][int(is_real)] += 1
    folds = min(count, len(sizes))
    rare = int(sum(real) * 2 < len(real))
    held = np.zeros((folds, 2), dtype=np.int64)
    fold_of = {}
    for group in sorted(sizes, key=lambda name: (-sizes[name][rare], -sum(sizes[name]), name)):
        domain = rare if sizes[group][rare] else 1 - rare
        fold = min(range(folds), key=lambda n: (held[n, domain], held[n].sum(), n))
        held[fold] += sizes[group]
        fold_of[group] = fold
    return np.array([fold_of[group] for group in groups], dtype=np.int64)
