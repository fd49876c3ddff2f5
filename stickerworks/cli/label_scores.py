"""A baseline's scores for `label relabel`, of stickers whose labels it never saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation.human.relabelling.scored import Scores
from annotation.human.relabelling.scores_file import read_scores
from pipeline.datasets.release import read_groups
from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain
from pipeline.training.contract import Baseline
from pipeline.training.examples import Dataset
from pipeline.training.gate import gate_settings
from pipeline.training.gate_runs import AT_LEAST, score_halves
from pipeline.training.run_folder import read_recipe
from pipeline.training.runs import find_baseline
from pipeline.training.trainer import read_split, resolve
from schemas.config import ValidateConfig
from schemas.release import SPLITS
from stickerworks.cli.display import say_time

_OWN = "`stickerworks label relabel --release FOLDER` makes scores that have seen no label."
Say = Callable[[str], None]


def scores_across(
    release: Path, config: ValidateConfig, voted: frozenset[str], target: str | None, say: Say
) -> Scores:
    """Scores of the stickers in a release by the gate's baseline, trained across halves of train.

    ``target`` is the question whose answers are scored, None for tags. Raises StickerworksError
    where nobody ``voted`` on the release's stickers, or they are too few to learn from.
    """
    began = time.monotonic()
    if _ids(release, SPLITS).isdisjoint(voted):
        raise StickerworksError(
            f"{plain(str(release))} has none of the stickers that people voted on.",
            "Name a release of this workspace: `stickerworks release` makes one.",
        )
    baseline = find_baseline(config.baseline)
    if not isinstance(baseline, Baseline):
        raise StickerworksError(
            f"The baseline {baseline.name} scores no tags.",
            "Name another one in validation.baseline.",
        )
    settings, _ = resolve(baseline, gate_settings(baseline, config))
    dataset = Dataset(release, False, config.seed, domain=config.domain, target=target)
    train, *others = (read_split(baseline, dataset, split, settings) for split in SPLITS)
    if len(train) < 2 * AT_LEAST or not train.tags:
        raise StickerworksError(
            f"{plain(str(release))} has {len(train)} train rows that can be learnt from, with "
            f"{len(train.tags)} tags on two or more: too few.",
            "Label more first, or leave --release out and rank by votes alone.",
        )
    about = f"answers to {target}" if target else "tags"
    say(
        f"  {'scores':<12} training {baseline.name} ({config.preset}) twice, on half of "
        f"{len(train):,} rows each; a half is scored by the one that hasn't seen it ({about})"
    )
    try:
        with use_device(config.device), reproducible(config.seed):
            parts = score_halves(baseline, train, others, settings, config.seed)
    except FloatingPointError as error:
        raise StickerworksError(
            f"The baseline {baseline.name} diverged: {error}.",
            "Name another preset in validation.preset, or leave --release out.",
        ) from error
    ids = tuple(id_ for part in parts for id_ in part.ids)
    values = np.concatenate([part.scores for part in parts]).astype(np.float64)
    found = _only(Scores(ids, train.tags, values), np.isin(ids, list(voted)))
    took = say_time(time.monotonic() - began)
    others_too = "; the others rank by votes alone" if len(found.ids) < len(voted) else ""
    say(
        f"  {'scores':<12} {len(found.ids):,} of {len(voted):,} stickers with votes are scored, "
        f"{took}{others_too}"
    )
    return found


def unseen_scores(file: Path, say: Say) -> Scores:
    """Scores that somebody has, without those of stickers that their run learnt from.

    Says where that can't be told; raises StickerworksError where none is left.
    """
    scores, run = read_scores(file)
    learnt = None if run is None else _learnt(run)
    if learnt is None:
        who = "the run" if run is None else f"the run in {plain(str(run))}"
        say(
            f"  {'scores':<12} CAREFUL: it can't be told whether {who} learnt from these stickers. "
            f"One that did repeats their wrong labels. {_OWN}"
        )
        return scores
    seen = np.isin(scores.ids, list(learnt))
    if seen.all():
        raise StickerworksError(
            f"The run in {plain(str(run))} learnt from all of the stickers that {plain(str(file))} "
            "scores, and repeats their labels, wrong ones too.",
            _OWN,
        )
    if seen.any():
        say(
            f"  {'scores':<12} CAREFUL: {int(seen.sum()):,} of {len(seen):,} are left out, since "
            f"the run in {plain(str(run))} learnt from these stickers. {_OWN}"
        )
    return _only(scores, ~seen)


def _learnt(run: Path) -> frozenset[str] | None:
    """Ids of the train rows of a run's release; None where they can't be had any more."""
    try:
        recipe = read_recipe(run)
        ids = frozenset() if recipe is None else _ids(Path(recipe.release), ("train",))
    except (OSError, StickerworksError):
        return None
    return ids or None


def _ids(release: Path, splits: Collection[str]) -> frozenset[str]:
    groups = (rows for split in splits for rows in read_groups(release, split, ("id",)))
    return frozenset(id_ for rows in groups for id_ in rows["id"].to_pylist() if id_)


def _only(scores: Scores, keep: NDArray[np.bool_]) -> Scores:
    ids = tuple(id_ for id_, kept in zip(scores.ids, keep, strict=True) if kept)
    return Scores(ids, scores.tags, scores.values[keep])
