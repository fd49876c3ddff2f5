"""What scores of tags are worth: ranks, an evaluation's tables, and the gate's figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.engine.plugins import PluginError, describe_plugin, plugin_faults
from pipeline.training.arrays import Scores, Truth
from pipeline.training.contract import Baseline, Details, Evaluation, Judged, Prediction
from pipeline.training.examples import Examples
from pipeline.training.metrics import mean_average_precision, permuted_map, tag_table, weighted_map

_FEW_TAGS = 20


def score_tags(
    baseline: Baseline[Any, Any], model: Any, examples: Examples, settings: Any
) -> Scores:
    """Scores of all rows, rows x tags; raises PluginError when they have another shape."""
    with plugin_faults("baselines", baseline.name, f"while it scored {examples.name} rows"):
        scores = np.asarray(baseline.score(model, examples, settings), np.float64)
    wanted = (len(examples), len(examples.tags))
    if scores.shape != wanted or not np.isfinite(scores).all():
        shape = " x ".join(map(str, scores.shape)) or "one number"
        fault = "some are no finite number" if scores.shape == wanted else f"they are {shape}"
        raise PluginError(
            f"{describe_plugin('baselines', baseline.name)} gave no scores of {wanted[0]} rows x "
            f"{wanted[1]} tags: {fault}.",
            "Its `score` must give a number for each row of `examples` and each of its tags.",
        )
    return scores


def judge_tags(scores: Scores, truth: Truth) -> Judged:
    """mAP, for the gate."""
    return Judged(
        figure="mAP",
        resample=lambda weights: weighted_map(scores, truth, weights),
        permute=lambda orders: permuted_map(scores, truth, orders),
        table=tag_table(scores, truth),
    )


def evaluate_tags(baseline: Baseline[Any, Any], scores: Scores, examples: Examples) -> Evaluation:
    """Metrics of scores (StickerTAG section 5.1).

    Truth beyond the run's tags can't be predicted and is left out; a note counts it.
    """
    truth, tags = examples.truth, examples.tags
    further: Mapping[str, float] = {}
    rows: dict[str, Mapping[str, float]] = {**tag_table(scores, truth)}
    if isinstance(baseline, Details):
        further = baseline.figures(scores, truth)
        rows |= baseline.tables(scores, truth, tags)
    figures: dict[str, float] = {
        "mAP": mean_average_precision(scores, truth),
        **{name: value for name, value in further.items() if name != "map"},
        "classes with truth": int(truth.any(0).sum()),
        "classes": len(tags),
        "rows": len(examples),
    }
    unknown = sum(len(target - set(tags)) for target in examples.targets)
    left = f"{unknown:,} labels are of tags that this run never learnt and are left out"
    return Evaluation(rows, figures, (left,) if unknown else ())


def undecided(train: Examples, validation: Examples) -> str | None:
    """Why no scores could tell validation rows apart; None when some could."""
    if not train.tags:
        return "no tag stands on two or more train rows"
    in_train, truth = train.truth, validation.truth
    # A tag on every row, or on none, has the same average precision whatever the model says.
    if not (~in_train.all(0) & truth.any(0) & ~truth.all(0)).any():
        return "no tag that train teaches tells validation rows apart"
    return None


def describe_few(tags: Sequence[str]) -> list[str]:
    """A line for people where there are few tags: then some may be easy by chance."""
    if len(tags) >= _FEW_TAGS:
        return []
    return [f"there are {len(tags)} tags only: rows alone don't show how far chance goes"]


def rank_tags(scores: Scores, tags: Sequence[str]) -> list[Prediction]:
    """All tags of each row, the highest score first; the earlier tag wins a tie."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return [
        tuple((tags[n], float(row[n])) for n in ranks)
        for row, ranks in zip(scores, order, strict=True)
    ]
