"""StickerCLIP as a baseline: how it learns from a release, retrieves, tags and judges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.baselines.stickerclip.config import PRESETS, StickerClipConfig
from pipeline.baselines.stickerclip.loss import contrastive_loss, symmetric_loss
from pipeline.baselines.stickerclip.model import StickerClip, weight_groups
from pipeline.baselines.stickerclip.pairs import (
    Pairs,
    count_batches,
    decode_stickers,
    draw_batch,
    embed_frames,
    embed_pairs,
    embed_texts,
    open_pairs,
    read_examples,
)
from pipeline.baselines.stickerclip.retrieval import CUTS, recall_table, row_auc
from pipeline.baselines.stickerclip.text import Tokenizer, join_fields, open_tokenizer
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.training.checkpoint import load_weights
from pipeline.training.contract import (
    Baseline,
    Evaluation,
    GateScore,
    NewSticker,
    NotJudgedError,
    Prediction,
    Prepared,
    Trained,
    check_sizes,
)
from pipeline.training.examples import Dataset, Examples, Use
from pipeline.training.loading import Batch
from pipeline.training.loop import Schedule, Training, train_model
from pipeline.training.tag_rows import learnable_tags
from pipeline.training.tagging import rank_tags

_AT_LEAST = 8


def prepare(dataset: Dataset, settings: StickerClipConfig, seed: int) -> Prepared:
    """Read a data set and make the model that learns which text belongs to which sticker.

    Raises StickerworksError when fewer than two of its train rows differ in their text.
    """
    train, validation = (
        read_examples(dataset, split, settings) for split in ("train", "validation")
    )
    pairs = open_pairs(train, settings)
    if len(set(pairs.groups.tolist())) < 2:
        raise StickerworksError(
            f"{dataset.path} has nothing to learn: its {len(train)} usable train rows have fewer "
            "than two texts.",
            "Write captions, tags or OCR into the release (`stickerworks annotate`, `merge`).",
        )
    task = _make_training(pairs, open_pairs(validation, settings), settings, seed)
    tags = learnable_tags(train)
    notes = (
        f"{len(train):,} train and {len(validation):,} validation rows, "
        f"{len(set(pairs.groups.tolist())):,} texts in train",
        *train.notes,
        *validation.notes,
    )
    facts = {"tags": list(tags), "data": [train.digest, validation.digest]}
    return Prepared(task, facts, len(train), notes)


def evaluate(run: Trained, dataset: Dataset, split: str) -> Evaluation:
    """Recall in both directions over a split's rows (see ``retrieval.recall_table``).

    Raises StickerworksError when the split has no usable row.
    """
    settings = run.settings
    examples = read_examples(dataset, split, settings)
    if not len(examples):
        raise StickerworksError(
            f"The split {split!r} of {dataset.path} has no usable row of {examples.use.in_split}.",
            "Name another one with --split: train, validation or test.",
        )
    pairs, model = open_pairs(examples, settings), _load(run)
    table = _table(model, pairs, open_tokenizer(settings))
    figures = {
        "mean recall": float(np.mean([row["mean"] for row in table.values()])),
        "rows": len(pairs),
        "texts": len(set(pairs.groups.tolist())),
    }
    scale = f"the logit scale is {model.scale.item():.1f}; it is at most 100"
    return Evaluation(table, figures, (*examples.notes, scale))


def judge(dataset: Dataset, settings: StickerClipConfig, seed: int) -> GateScore:
    """Train, and see how the validation rows' texts and images find each other.

    The figure is ``retrieval.RowAuc``: on a few dozen rows recall is mostly luck.
    """
    train, validation = (
        read_examples(dataset, split, settings) for split in ("train", "validation")
    )
    uses = {"train": train.use, "validation": validation.use}
    check_sizes(uses)
    for split in (train, validation):
        _check_texts(split, settings, uses)
    pairs = open_pairs(validation, settings)
    task = _make_training(open_pairs(train, settings), pairs, settings, seed)
    curve = train_model(task)
    model = cast("StickerClip", task.model)
    images, texts = embed_pairs(model, pairs, open_tokenizer(settings))
    worth = row_auc(images, texts, torch.from_numpy(pairs.groups))
    return GateScore(
        figure="retrieval AUC",
        resample=worth.resample,
        permute=worth.permute,
        rows=len(pairs),
        curve=curve,
        table=recall_table(images, texts, torch.from_numpy(pairs.groups).to(images.device)),
        uses=uses,
        notes=tuple(note for split in (train, validation) for note in split.notes),
        tags=learnable_tags(train),
    )


def predict(run: Trained, stickers: Sequence[NewSticker]) -> list[Prediction]:
    """Tags of new stickers: softmax of their cosines to the names of the run's tags (zero-shot).

    No tag was learnt as a class; scores of a sticker sum to 1. Raises StickerworksError when the
    run's data had no tags.
    """
    tags = run.facts["tags"]
    if not tags:
        raise StickerworksError(
            "This run can't tag: no tag stood on two or more of its train rows.",
            "Train on a release with tags.",
        )
    model = _load(run)
    decoded = decode_stickers(stickers, run.settings.image_side)
    images = embed_frames(model, decoded.__getitem__, len(decoded))
    names = embed_texts(model, [join_fields([tag]) for tag in tags], open_tokenizer(run.settings))
    with torch.inference_mode():
        scores = torch.softmax(model.scale * images @ names.T, 1).double().cpu().numpy()
    return rank_tags(scores, tags)


BASELINE = Baseline(
    name="stickerclip",
    doc="StickerCLIP (Sticker820K): Chinese CLIP on sticker texts; retrieval and zero-shot tags.",
    presets=PRESETS,
    prepare=prepare,
    evaluate=evaluate,
    judge=judge,
    predict=predict,
)


def _make_training(
    pairs: Pairs, against: Pairs, settings: StickerClipConfig, seed: int
) -> Training:
    tokenize = open_tokenizer(settings)
    batches = count_batches(len(pairs), settings)

    def evaluate_epoch(model: nn.Module) -> Mapping[str, float]:
        net = cast("StickerClip", model)
        images, texts = embed_pairs(net, against, tokenize)
        groups = torch.from_numpy(against.groups).to(images.device)
        table = recall_table(images, texts, groups)
        recalls = {
            name: float(np.mean([row[name] for row in table.values()]))
            for name in (f"R@{k}" for k in CUTS)
        }
        return {**recalls, "validation_loss": _mean_loss(net, images, texts, groups)}

    return Training(
        model=StickerClip(settings, pretrained=True),
        loss=_loss,
        batch=lambda epoch, number: draw_batch(pairs, tokenize, settings, (seed, epoch, number)),
        evaluate=evaluate_epoch,
        schedule=Schedule(
            settings.epochs,
            batches,
            settings.learning_rate,
            settings.weight_decay,
            warmup_steps=min(settings.warmup_steps, settings.epochs * batches // 5),
            bf16=settings.bf16,
        ),
        seed=seed,
        groups=lambda model: weight_groups(model, settings),
        after_step=lambda model: cast("StickerClip", model).limit_scale(),
    )


def _loss(model: nn.Module, batch: Batch) -> Tensor:
    net = cast("StickerClip", model)
    frames, counts, ids, mask, groups = batch
    images, texts = net.embed_images(frames, counts), net.embed_texts(ids, mask)
    return contrastive_loss(images, texts, net.scale, groups, net.config.same_text)


def _mean_loss(model: StickerClip, images: Tensor, texts: Tensor, groups: Tensor) -> float:
    """Mean loss of embeddings in batches as in training, the last filled up by the first rows."""
    rows, config = len(images), model.config
    size = min(config.batch_size, rows)
    with torch.no_grad():
        losses = [
            symmetric_loss(images[at], texts[at], model.scale, groups[at], config.same_text)
            for at in (torch.arange(n, n + size) % rows for n in range(0, rows, max(1, size)))
        ]
    return float(torch.stack(losses).mean()) if losses else math.nan


def _table(model: StickerClip, pairs: Pairs, tokenize: Tokenizer) -> dict[str, dict[str, float]]:
    images, texts = embed_pairs(model, pairs, tokenize)
    return recall_table(images, texts, torch.from_numpy(pairs.groups).to(images.device))


def _load(run: Trained) -> StickerClip:
    model = StickerClip(run.settings, pretrained=False)
    load_weights(run.weights, model)
    return model.to(default_device()).eval()


def _check_texts(examples: Examples, settings: StickerClipConfig, uses: Mapping[str, Use]) -> None:
    texts = len(set(open_pairs(examples, settings).groups.tolist()))
    if len(examples) < _AT_LEAST or texts < 2:
        raise NotJudgedError(
            f"{examples.name} has {len(examples)} rows with a text, {texts} of them different; "
            f"{_AT_LEAST} rows and 2 texts are needed",
            uses,
        )
