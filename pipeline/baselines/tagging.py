"""What every baseline that scores tags shares: reading a release, judging, ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.baselines.contract import (
    Evaluation,
    Images,
    Labelled,
    Prediction,
    Scores,
    UnreadableImageError,
)
from pipeline.baselines.data import (
    UNREADABLE,
    Rows,
    decode_first_frame,
    digest_of,
    label_rows,
    learnable_tags,
    read_rows,
    tell_unreadable,
)
from pipeline.baselines.metrics import mean_average_precision, metrics_at_cuts
from pipeline.engine.errors import StickerworksError

_NAMES = {"cp": "CP", "cr": "CR", "cf1": "CF1", "op": "OP", "or_": "OR", "of1": "OF1"}


@dataclass(frozen=True)
class TaggingData:
    """Train and validation rows of a release, the tags to learn, and what a run keeps of it."""

    train: Labelled
    validation: Labelled
    tags: tuple[str, ...]
    facts: dict[str, Any]
    notes: tuple[str, ...]


def read_tagging(release: Path, side: int, at_most: int) -> TaggingData:
    """Read what a tagger learns from, images ``side`` x ``side``.

    Raises StickerworksError when there is no release or nothing in it to learn.
    """
    train = read_rows(release, "train", side, at_most)
    validation = read_rows(release, "validation", side, at_most)
    tags = learnable_tags(train)
    if not tags:
        raise StickerworksError(
            f"{release} has nothing to learn: no tag stands on two or more of the {len(train.ids)} "
            "usable train rows.",
            "`stickerworks validate` says what became of the others.",
        )
    return TaggingData(
        train=label_rows(train, tags),
        validation=label_rows(validation, tags),
        tags=tags,
        facts={"tags": list(tags), "data": digest_of(train, validation)},
        notes=(
            f"{len(train.ids):,} train and {len(validation.ids):,} validation rows, "
            f"{len(tags):,} tags",
            *_describe(train, "train"),
            *_describe(validation, "validation"),
        ),
    )


def evaluate_tagging(
    release: Path,
    split: str,
    tags: Sequence[str],
    side: int,
    score: Callable[[Images], Scores],
) -> Evaluation:
    """Judge scores of ``tags`` on every usable row of a split (StickerTAG section 5.1).

    Truth beyond ``tags`` can't be predicted and is left out; a note counts it. Raises
    StickerworksError when the split has no usable row.
    """
    rows = read_rows(release, split, side, at_most=2**31)
    if not rows.ids:
        raise StickerworksError(
            f"The split {split!r} of {release} has no usable row of {rows.sampled_from}.",
            "Name another one with --split: train, validation or test.",
        )
    labelled = label_rows(rows, tuple(tags))
    scores = score(labelled.images)
    found = metrics_at_cuts(scores, labelled.truth)
    table = {
        cut: {title: asdict(metrics)[name] for name, title in _NAMES.items()}
        for cut, metrics in found.items()
    }
    unknown = sum(len(target - set(tags)) for target in rows.targets)
    notes = [*_describe(rows, split)]
    if unknown:
        notes.append(f"{unknown:,} labels are of tags that this run never learnt and are left out")
    figures = {
        "mAP": mean_average_precision(scores, labelled.truth),
        "classes with truth": found["top 1"].classes,
        "classes": len(tags),
        "rows": len(rows.ids),
    }
    return Evaluation(table, figures, tuple(notes))


def decode_all(images: Sequence[bytes], side: int) -> Images:
    """First frames of files; raises UnreadableImageError for the first that has none."""
    decoded = []
    for number, data in enumerate(images):
        try:
            decoded.append(decode_first_frame(data, side))
        except UNREADABLE as error:
            raise UnreadableImageError(number, tell_unreadable(error)) from error
    return np.stack(decoded)


def rank_tags(scores: Scores, tags: Sequence[str]) -> list[Prediction]:
    """All tags of each row, the highest score first; the earlier tag wins a tie."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return [
        tuple((tags[n], float(row[n])) for n in ranks)
        for row, ranks in zip(scores, order, strict=True)
    ]


def _describe(rows: Rows, split: str) -> list[str]:
    lines = []
    suggested = len(rows.voted) - sum(rows.voted)
    if suggested:
        lines.append(f"{suggested:,} {split} rows have suggested tags only")
    if rows.simulated:
        lines.append(f"{rows.simulated:,} {split} rows have simulated votes")
    lost = rows.sampled_from - len(rows.ids)
    if lost:
        lines.append(
            f"{lost:,} of {rows.sampled_from:,} {split} rows were not used: {rows.without_tags} "
            f"without tags, {rows.without_image} without image, {len(rows.unreadable)} unreadable"
        )
    return lines
