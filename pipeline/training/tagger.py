"""A baseline that scores tags: what is its own; what all share is in ``tagging.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from pipeline.training.arrays import Images, Scores, Truth
from pipeline.training.loop import Schedule
from pipeline.training.metrics import mean_average_precision
from pipeline.training.texts import TextSpec


class Inputs(NamedTuple):
    """What a tagger sees: images (B, 3, S, S), 0 to 1, and texts (B, views, width)."""

    images: Tensor
    text: Tensor


def _map_alone(scores: Scores, truth: Truth) -> Mapping[str, float]:
    return {"map": mean_average_precision(scores, truth)}


@dataclass(frozen=True)
class Tagger:
    """The functions that make a tagger; ``settings`` is a preset's value, perhaps changed.

    Settings have the fields ``epochs``, ``batch_size`` and ``image_side`` (pixels).

    - ``model(settings, tags, pretrained)``: ``pretrained`` is false when a run's own weights
      follow.
    - ``schedule(settings, batches)`` gets the batches of an epoch.
    - ``loss(model, inputs, truth)``, with truth (B, tags), 0 or 1; ``scores(model, inputs)``
      gives (B, tags), 0 to 1.
    - ``views`` names the texts that it reads (see ``views.py``), ``encoder`` says what encodes
      them, ``phrase`` rewrites a sticker's texts before that.
    - ``augment(image, random, settings)`` changes a train image (side, side, 3); an epoch takes a
      row ``repeats`` times, and of the rows as many fewer.
    - ``resolve`` gives the settings that files named in them call for, and notes for people.
    - ``figures(scores, truth)`` are the metrics of an epoch; ``select_on`` names the one whose
      best epoch is kept [the last epoch], on the split that ``selects_with`` names.
    - ``tables(scores, truth, tags)`` gives further rows of an evaluation.
    - ``attention(model, inputs)`` gives heat maps (B, h, w) by name, 0 to 1.
    """

    name: str
    doc: str
    presets: Mapping[str, Any]
    model: Callable[[Any, int, bool], nn.Module]
    schedule: Callable[[Any, int], Schedule]
    loss: Callable[[nn.Module, Inputs, Tensor], Tensor]
    scores: Callable[[nn.Module, Inputs], Tensor]
    views: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    encoder: Callable[[Any], TextSpec | None] = lambda settings: None
    phrase: Callable[[Any, Sequence[str]], Sequence[str]] = lambda settings, texts: texts
    augment: Callable[[Images, np.random.Generator, Any], Images] | None = None
    repeats: Callable[[Any], int] = lambda settings: 1
    resolve: Callable[[Any], tuple[Any, tuple[str, ...]]] = lambda settings: (settings, ())
    groups: Callable[[Any, nn.Module], list[dict[str, Any]]] | None = None
    figures: Callable[[Scores, Truth], Mapping[str, float]] = _map_alone
    select_on: Callable[[Any], str | None] = lambda settings: None
    selects_with: Callable[[Any], str] = lambda settings: "validation"
    tables: Callable[[Scores, Truth, Sequence[str]], Mapping[str, Mapping[str, float]]] | None = (
        None
    )
    attention: Callable[[nn.Module, Inputs], Mapping[str, Tensor]] | None = None
