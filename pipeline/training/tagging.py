"""What every tagger shares: learning, judging, evaluating and predicting tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Scores
from pipeline.training.checkpoint import load_weights
from pipeline.training.contract import (
    Baseline,
    Evaluation,
    GateScore,
    HeatMaps,
    NewSticker,
    NotJudgedError,
    Prediction,
    Prepared,
    Trained,
    check_sizes,
)
from pipeline.training.examples import Dataset, Examples
from pipeline.training.frames import KEY_FRAME
from pipeline.training.loop import Training, train_model
from pipeline.training.metrics import mean_average_precision, permuted_map, tag_table, weighted_map
from pipeline.training.tag_rows import (
    draw_batch,
    judge_rows,
    label_truth,
    learnable_tags,
    new_rows,
    open_rows,
    score_rows,
)
from pipeline.training.tagger import Inputs, Tagger
from pipeline.training.views import describe_views

_FEW_TAGS = 20


def tagger_baseline(tagger: Tagger) -> Baseline:
    """The baseline that a tagger is."""
    return Baseline(
        name=tagger.name,
        doc=tagger.doc,
        presets=tagger.presets,
        prepare=partial(_prepare, tagger),
        evaluate=partial(_evaluate, tagger),
        judge=partial(_judge, tagger),
        predict=partial(_predict, tagger),
        attention=partial(_attention, tagger) if tagger.attention else None,
    )


def rank_tags(scores: Scores, tags: Sequence[str]) -> list[Prediction]:
    """All tags of each row, the highest score first; the earlier tag wins a tie."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return [
        tuple((tags[n], float(row[n])) for n in ranks)
        for row, ranks in zip(scores, order, strict=True)
    ]


def _prepare(tagger: Tagger, dataset: Dataset, settings: Any, seed: int) -> Prepared:
    """Read a data set and make the model that learns its tags."""
    settings, resolved = tagger.resolve(settings)
    train = dataset.read("train", settings.image_side, KEY_FRAME)
    against = dataset.read(tagger.selects_with(settings), settings.image_side, KEY_FRAME)
    tags = learnable_tags(train)
    if not tags:
        raise StickerworksError(
            f"{dataset.path} has nothing to learn: no tag stands on two or more of the "
            f"{len(train)} usable train rows.",
            "`stickerworks validate` says what became of the others.",
        )
    task = _make_training(tagger, train, against, tags, settings, seed)
    notes = (
        f"{len(train):,} train and {len(against):,} {against.name} rows, {len(tags):,} tags",
        *train.notes,
        *against.notes,
        *resolved,
        *describe_views(train.texts, tagger.views(settings)),
    )
    if task.select_on and against.name == "test":
        notes += ("the epoch is chosen by the test split: its figures there are no test",)
    facts = {"tags": list(tags), "data": [train.digest, against.digest]}
    return Prepared(task, facts, len(train), notes, settings)


def _make_training(
    tagger: Tagger,
    train: Examples,
    against: Examples,
    tags: tuple[str, ...],
    settings: Any,
    seed: int,
) -> Training:
    rows, judged = (open_rows(tagger, part, tags, settings) for part in (train, against))
    batches = -(-len(rows) // settings.batch_size)
    schedule = tagger.schedule(settings, batches)
    groups = tagger.groups

    def evaluate(model: nn.Module) -> Mapping[str, float]:
        scores, loss = judge_rows(tagger, model, judged, settings)
        return {**tagger.figures(scores, judged.truth), "validation_loss": loss}

    return Training(
        model=tagger.model(settings, len(tags), True),
        loss=lambda model, batch: tagger.loss(model, Inputs(*batch[:2]), batch[2]),
        batch=lambda epoch, number: draw_batch(tagger, rows, settings, (seed, epoch, number)),
        evaluate=evaluate,
        schedule=schedule,
        seed=seed,
        groups=(lambda model: groups(settings, model)) if groups else None,
        select_on=tagger.select_on(settings),
    )


def _load(tagger: Tagger, run: Trained) -> nn.Module:
    model = tagger.model(run.settings, len(run.facts["tags"]), False)
    load_weights(run.weights, model)
    return model.to(default_device()).eval()


def _evaluate(tagger: Tagger, run: Trained, dataset: Dataset, split: str) -> Evaluation:
    """Metrics of a trained model on a split (StickerTAG section 5.1).

    Truth beyond the run's tags can't be predicted and is left out; a note counts it. Raises
    StickerworksError when the split has no usable row.
    """
    tags = tuple(run.facts["tags"])
    examples = dataset.read(split, run.settings.image_side, KEY_FRAME)
    if not len(examples):
        raise StickerworksError(
            f"The split {split!r} of {dataset.path} has no usable row of {examples.use.in_split}.",
            "Name another one with --split: train, validation or test.",
        )
    rows = open_rows(tagger, examples, tags, run.settings)
    scores = score_rows(tagger, _load(tagger, run), rows, run.settings)
    table = tag_table(scores, rows.truth)
    further = tagger.tables(scores, rows.truth, tags) if tagger.tables else {}
    figures: dict[str, float] = {
        "mAP": mean_average_precision(scores, rows.truth),
        **{
            name: value
            for name, value in tagger.figures(scores, rows.truth).items()
            if name != "map"
        },
        "classes with truth": int(rows.truth.any(0).sum()),
        "classes": len(tags),
        "rows": len(examples),
    }
    unknown = sum(len(target - set(tags)) for target in examples.targets)
    notes = list(examples.notes)
    if unknown:
        notes.append(f"{unknown:,} labels are of tags that this run never learnt and are left out")
    return Evaluation({**table, **further}, figures, tuple(notes))


def _judge(tagger: Tagger, dataset: Dataset, settings: Any, seed: int) -> GateScore:
    """Train, and score the validation rows after the last epoch; nothing is chosen by them."""
    train, validation = (
        dataset.read(split, settings.image_side, KEY_FRAME) for split in ("train", "validation")
    )
    uses = {"train": train.use, "validation": validation.use}
    check_sizes(uses)
    tags = learnable_tags(train)
    if not tags:
        raise NotJudgedError("no tag stands on two or more train rows", uses)
    truth = label_truth(validation, tags)
    in_train = label_truth(train, tags)
    # A tag on every row, or on none, has the same average precision whatever the model says.
    if not (~in_train.all(0) & truth.any(0) & ~truth.all(0)).any():
        raise NotJudgedError("no tag that train teaches tells validation rows apart", uses)
    task = _make_training(tagger, train, validation, tags, settings, seed)
    curve = train_model(task)
    rows = open_rows(tagger, validation, tags, settings)
    scores = score_rows(tagger, task.model, rows, settings)
    return GateScore(
        figure="mAP",
        resample=lambda weights: weighted_map(scores, truth, weights),
        permute=lambda orders: permuted_map(scores, truth, orders),
        rows=len(validation),
        curve=curve,
        table=tag_table(scores, truth),
        uses=uses,
        notes=(*_few(tags), *describe_views(train.texts, tagger.views(settings))),
        tags=tags,
    )


def _few(tags: Sequence[str]) -> list[str]:
    if len(tags) >= _FEW_TAGS:
        return []
    # Look-alikes share their scores: with few tags, luck lies between tags and not rows.
    return [f"there are {len(tags)} tags only: rows alone don't show how far chance goes"]


def _predict(tagger: Tagger, run: Trained, stickers: Sequence[NewSticker]) -> list[Prediction]:
    """Tags of new stickers."""
    rows = new_rows(tagger, stickers, len(run.facts["tags"]), run.settings)
    scores = score_rows(tagger, _load(tagger, run), rows, run.settings)
    return rank_tags(scores, run.facts["tags"])


def _attention(tagger: Tagger, run: Trained, stickers: Sequence[NewSticker]) -> list[HeatMaps]:
    """Where the model looks at new stickers."""
    assert tagger.attention is not None
    model, rows = (
        _load(tagger, run),
        new_rows(tagger, stickers, len(run.facts["tags"]), run.settings),
    )
    device = default_device()
    maps: list[HeatMaps] = []
    for row in range(len(rows)):
        images, text, _ = rows.draw([row])
        with torch.inference_mode():
            found = tagger.attention(model, Inputs(images.to(device), text.to(device)))
        maps.append({name: heat[0].float().cpu().numpy() for name, heat in found.items()})
    return maps
