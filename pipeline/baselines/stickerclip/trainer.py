"""StickerCLIP as a baseline: how it learns from a release, retrieves, tags and judges."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.baselines.stickerclip.config import PRESETS, StickerClipConfig
from pipeline.baselines.stickerclip.loss import contrastive_loss, symmetric_loss
from pipeline.baselines.stickerclip.model import StickerClip, weight_groups
from pipeline.baselines.stickerclip.pairs import (
    count_batches,
    draw_batch,
    embed_frames,
    embed_pairs,
    embed_texts,
    open_pairs,
    read_examples,
)
from pipeline.baselines.stickerclip.retrieval import CUTS, recall_table, row_auc
from pipeline.baselines.stickerclip.text import join_fields, open_tokenizer
from pipeline.training.arrays import Scores
from pipeline.training.contract import Evaluation, Judged, Run
from pipeline.training.examples import Dataset, Examples
from pipeline.training.frames import ENDS
from pipeline.training.loading import Batch
from pipeline.training.loop import Schedule, Training


class StickerClipBaseline:
    """Learns texts, is judged by retrieval, and scores tags that it never learnt as classes."""

    name = "stickerclip"
    doc = "StickerCLIP (Sticker820K): Chinese CLIP on sticker texts; retrieval and zero-shot tags."
    presets = PRESETS
    pick = ENDS

    def read(self, dataset: Dataset, split: str, settings: StickerClipConfig) -> Examples:
        """Rows of a split that have any text, with or without tags."""
        return read_examples(dataset, split, settings)

    def lacks(self, examples: Examples, settings: StickerClipConfig, rows: int) -> str | None:
        """Why there are too few rows with a text, or too few texts, if so."""
        texts = _count_texts(examples, settings)
        if len(examples) >= rows and texts >= 2:
            return None
        return (
            f"{examples.name} has {len(examples)} rows with a text, {texts} of them different; "
            f"{max(rows, 2)} rows and 2 texts are needed"
        )

    def build(self, settings: StickerClipConfig, tags: int, pretrained: bool) -> StickerClip:
        return StickerClip(settings, pretrained)

    def fit(self, train: Examples, settings: StickerClipConfig, run: Run) -> StickerClip:
        """Learn which text belongs to which sticker."""
        pairs, against = open_pairs(train, settings), open_pairs(run.validation, settings)
        run.note(f"{_count_texts(train, settings):,} texts in train")
        tokenize, batches = open_tokenizer(settings), count_batches(len(pairs), settings)
        model = self.build(settings, 0, True)

        def evaluate(net: nn.Module) -> Mapping[str, float]:
            images, texts = embed_pairs(model, against, tokenize)
            groups = torch.from_numpy(against.groups).to(images.device)
            table = recall_table(images, texts, groups)
            recalls = {
                name: float(np.mean([row[name] for row in table.values()]))
                for name in (f"R@{k}" for k in CUTS)
            }
            return {**recalls, "validation_loss": _mean_loss(model, images, texts, groups)}

        def loss(net: nn.Module, batch: Batch) -> Tensor:
            frames, counts, ids, mask, groups = batch
            images, texts = model.embed_images(frames, counts), model.embed_texts(ids, mask)
            return contrastive_loss(images, texts, model.scale, groups, settings.same_text)

        run.train(
            Training(
                model=model,
                loss=loss,
                batch=lambda epoch, number: draw_batch(
                    pairs, tokenize, settings, (run.seed, epoch, number)
                ),
                evaluate=evaluate,
                schedule=Schedule(
                    settings.epochs,
                    batches,
                    settings.learning_rate,
                    settings.weight_decay,
                    warmup_steps=min(settings.warmup_steps, settings.epochs * batches // 5),
                    bf16=settings.bf16,
                ),
                seed=run.seed,
                groups=lambda net: weight_groups(model, settings),
                after_step=lambda net: model.limit_scale(),
            )
        )
        return model

    def score(self, model: StickerClip, examples: Examples, settings: StickerClipConfig) -> Scores:
        """Softmax of the rows' cosines to the names of the tags (zero-shot); rows sum to 1."""
        images = embed_frames(model, examples.frames.__getitem__, len(examples))
        names = [join_fields([tag]) for tag in examples.tags]
        texts = embed_texts(model, names, open_tokenizer(settings))
        with torch.inference_mode():
            scores: Scores = torch.softmax(model.scale * images @ texts.T, 1).double().cpu().numpy()
        return scores

    def judge(self, model: StickerClip, examples: Examples, settings: StickerClipConfig) -> Judged:
        """How the rows' texts and images find each other.

        The figure is ``retrieval.RowAuc``: on a few dozen rows recall is mostly luck.
        """
        pairs = open_pairs(examples, settings)
        images, texts = embed_pairs(model, pairs, open_tokenizer(settings))
        worth = row_auc(images, texts, torch.from_numpy(pairs.groups))
        groups = torch.from_numpy(pairs.groups).to(images.device)
        table = recall_table(images, texts, groups)
        return Judged("retrieval AUC", worth.resample, worth.permute, table)

    def evaluate(
        self, model: StickerClip, examples: Examples, settings: StickerClipConfig
    ) -> Evaluation:
        """Recall in both directions over the rows (see ``retrieval.recall_table``)."""
        table = self.judge(model, examples, settings).table
        figures = {
            "mean recall": float(np.mean([row["mean"] for row in table.values()])),
            "rows": len(examples),
            "texts": _count_texts(examples, settings),
        }
        scale = f"the logit scale is {model.scale.item():.1f}; it is at most 100"
        return Evaluation(table, figures, (scale,))


def _count_texts(examples: Examples, settings: StickerClipConfig) -> int:
    return len(set(open_pairs(examples, settings).groups.tolist()))


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


BASELINE = StickerClipBaseline()
