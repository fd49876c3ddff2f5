"""Baselines that learn tags with torch: a class with their model, loss, scores and schedule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.training.arrays import Images, Scores, Truth
from pipeline.training.contract import HeatMaps, Run, Selection, Table
from pipeline.training.examples import Examples
from pipeline.training.loading import Batch, default_workers, load_batches
from pipeline.training.loop import Schedule, Training
from pipeline.training.metrics import mean_average_precision
from pipeline.training.tag_rows import TagRows, TextViews, open_rows
from pipeline.training.views import describe_views


class TaggerSettings(Protocol):
    """What the settings of every tagger have; ``image_side`` in pixels."""

    @property
    def epochs(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def image_side(self) -> int: ...


class Inputs(NamedTuple):
    """What a tagger sees: images (B, 3, S, S), 0 to 1, and texts (B, views, width)."""

    images: Tensor
    text: Tensor


S = TypeVar("S", bound=TaggerSettings)
N = TypeVar("N", bound=nn.Module)


class TorchTagger(ABC, Generic[S, N]):
    """A tagger: the abstract methods are its own, the others have a usual answer."""

    name: str
    doc: str
    presets: Mapping[str, S]

    @abstractmethod
    def build(self, settings: S, tags: int, pretrained: bool) -> N:
        """The model; ``pretrained`` is false when a run's own weights follow."""

    @abstractmethod
    def schedule(self, settings: S, batches: int) -> Schedule:
        """Epochs and rates for so many batches an epoch."""

    @abstractmethod
    def loss(self, model: N, inputs: Inputs, truth: Tensor) -> Tensor:
        """Mean loss of a batch; truth (B, tags), 0 or 1."""

    @abstractmethod
    def scores(self, model: N, inputs: Inputs) -> Tensor:
        """Scores (B, tags), 0 to 1."""

    def texts(self, settings: S) -> TextViews | None:
        """The texts that it reads [none]."""
        return None

    def augment(self, image: Images, random: np.random.Generator, settings: S) -> Images:
        """A train image (side, side, 3) changed by chance [as it is]."""
        return image

    def repeats(self, settings: S) -> int:
        """How often an epoch takes a row; of the rows as many fewer."""
        return 1

    def groups(self, model: nn.Module) -> list[dict[str, Any]]:
        """AdamW's parameter groups [everything that requires a gradient]."""
        return [{"params": [weight for weight in model.parameters() if weight.requires_grad]}]

    def selection(self, settings: S) -> Selection | None:
        """The metric that picks the epoch whose weights are kept [the last one]."""
        return None

    def figures(self, scores: Scores, truth: Truth) -> Mapping[str, float]:
        """Metrics of an epoch."""
        return {"map": mean_average_precision(scores, truth)}

    def tables(self, scores: Scores, truth: Truth, tags: Sequence[str]) -> Table:
        """Further rows of an evaluation."""
        return {}

    def fit(self, train: Examples, settings: S, run: Run) -> N:
        """Learn the rows' tags in our loop."""
        rows, judged = (open_rows(part, self.texts(settings)) for part in (train, run.validation))
        model = self.build(settings, len(train.tags), True)
        selection, views = self.selection(settings), self.texts(settings)
        for line in describe_views(train.texts, views.views if views else ()):
            run.note(line)

        def evaluate(net: nn.Module) -> Mapping[str, float]:
            scores, loss = self._judge_rows(model, judged, settings)
            return {**self.figures(scores, judged.truth), "validation_loss": loss}

        run.train(
            Training(
                model=model,
                loss=lambda net, batch: self.loss(model, Inputs(*batch[:2]), batch[2]),
                batch=lambda epoch, number: self.draw_batch(
                    rows, settings, (run.seed, epoch, number)
                ),
                evaluate=evaluate,
                schedule=self.schedule(settings, -(-len(rows) // settings.batch_size)),
                seed=run.seed,
                groups=self.groups,
                select_on=selection.metric if selection else None,
            )
        )
        return model

    def score(self, model: N, examples: Examples, settings: S) -> Scores:
        """Scores of all rows, in order."""
        rows = open_rows(examples, self.texts(settings))
        parts = [
            self.scores(model, inputs).double().cpu().numpy()
            for inputs, _ in _in_order(model, rows, settings)
        ]
        return np.concatenate(parts) if parts else np.zeros(rows.truth.shape)

    def draw_batch(self, rows: TagRows, settings: S, key: tuple[int, int, int]) -> Batch:
        """A batch of an epoch by (seed, epoch, number), changed by chance.

        An epoch is as long as there are rows: each once, or so often in a row as ``repeats`` says
        until the epoch is over (repeated augmentation, Hoffer et al., 2020).
        """
        seed, epoch, number = key
        order = np.random.default_rng((seed, epoch)).permutation(len(rows))
        order = np.repeat(order, self.repeats(settings))[: len(rows)]
        chosen = order[number * settings.batch_size : (number + 1) * settings.batch_size]
        random = np.random.default_rng(key)
        return rows.draw(chosen.tolist(), lambda image: self.augment(image, random, settings))

    def _judge_rows(self, model: N, rows: TagRows, settings: S) -> tuple[Scores, float]:
        """Scores of all rows, in order, and their mean loss; NaN when there are none.

        The loss is taken over batches as large as in training, since that of MGHFT compares the
        rows of a batch.
        """
        parts, total, size = [], 0.0, settings.batch_size
        for inputs, truth in _in_order(model, rows, settings):
            parts.append(self.scores(model, inputs).double().cpu().numpy())
            split = (torch.split(part, size) for part in (*inputs, truth))
            for images, text, wanted in zip(*split, strict=True):
                total += self.loss(model, Inputs(images, text), wanted).item() * len(wanted)
        if not parts:
            return np.zeros(rows.truth.shape), math.nan
        return np.concatenate(parts), total / len(rows)


class AttentiveTagger(TorchTagger[S, N]):
    """A tagger that can say where it looks."""

    @abstractmethod
    def heat_maps(self, model: N, inputs: Inputs) -> Mapping[str, Tensor]:
        """Heat maps (B, h, w) by name, 0 to 1."""

    def attention(self, model: N, examples: Examples, settings: S) -> list[HeatMaps]:
        """Where the model looks at each row."""
        rows, device = open_rows(examples, self.texts(settings)), next(model.parameters()).device
        maps: list[HeatMaps] = []
        for row in range(len(rows)):
            images, text, _ = rows.draw([row])
            with torch.inference_mode():
                found = self.heat_maps(model, Inputs(images.to(device), text.to(device)))
            maps.append({name: heat[0].float().cpu().numpy() for name, heat in found.items()})
        return maps


def _in_order(
    model: nn.Module, rows: TagRows, settings: TaggerSettings
) -> Iterator[tuple[Inputs, Tensor]]:
    """Batches of all rows with their truth, on the device of the model, which is set to judge."""
    size = max(32, settings.batch_size)
    model.eval()
    device = str(next(model.parameters()).device)

    def draw(number: int) -> Batch:
        return rows.draw(range(number * size, min((number + 1) * size, len(rows))))

    numbers = range(-(-len(rows) // size))
    with torch.inference_mode():
        for batch in load_batches(draw, numbers, device, default_workers(device)):
            images, text, truth = (part.to(device) for part in batch)
            yield Inputs(images, text), truth
