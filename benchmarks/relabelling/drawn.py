"""Drawn stickers whose true tags are known, as many of each as a long tail has."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.demo.concepts import CONCEPTS
from pipeline.demo.lettering import Lettering
from pipeline.demo.render import flatten, render
from pipeline.demo.scene import SceneContent, Style, compose

STYLES: tuple[Style, ...] = ("flat", "line", "photo")
TAGS = tuple(f"{concept.english} {style}" for concept in CONCEPTS for style in STYLES)
"""A tag is a concept in a style; those of one concept are taken for one another."""
SIDE = 48
_TAIL = 1.0
_TWO = 0.3


@dataclass(frozen=True)
class Drawn:
    """Images (rows, side, side, 3) and truth (rows, tags)."""

    images: NDArray[np.uint8]
    truth: NDArray[np.bool_]


def draw(stickers: int, seed: int) -> Drawn:
    """Stickers with one or two tags, the n-th most frequent of which has a share of 1/n."""
    rng = Random(f"relabel/{seed}")
    order = rng.sample(range(len(TAGS)), len(TAGS))
    weights = [1 / (place + 1) ** _TAIL for place in range(len(TAGS))]
    truth = np.zeros((stickers, len(TAGS)), bool)
    images = np.zeros((stickers, SIDE, SIDE, 3), np.uint8)
    for row in range(stickers):
        first = rng.choices(order, weights)[0]
        own = [first]
        if rng.random() < _TWO:  # another concept in the same style
            alike = [t for t in order if t % len(STYLES) == first % len(STYLES) and t != first]
            own.append(rng.choices(alike, [weights[order.index(t)] for t in alike])[0])
        truth[row, own] = True
        concepts = tuple(CONCEPTS[tag // len(STYLES)].name for tag in own)
        content = SceneContent(concepts, STYLES[first % len(STYLES)])
        image = flatten(render(compose(rng, content), Lettering(None))[0])
        images[row] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return Drawn(images, truth)
