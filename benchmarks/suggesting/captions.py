"""Scores of texts against the truth: captions whose pack is known, held out by fifths."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.tags.keywords import normalise
from pipeline.tags.segment import Segmenter
from pipeline.tags.suggesting.evidence import Texts, judge_keywords
from pipeline.tags.suggesting.known import KnownTags, read_known
from schemas.tables import TABLES

_ROUNDS = 6
_BANDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.01)
# This pack holds the covers of the others.
_COVERS = "picture"

Caption = tuple[str, str]
"""A text, and the pack that it is of."""


def read_captions(path: Path) -> list[Caption]:
    """Captions of a TSV with the columns pack and caption."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = [(normalise(row["caption"]), row["pack"]) for row in rows if row["pack"] != _COVERS]
    return [(text, pack) for text, pack in found if text is not None]


def measure_scores(captions: Sequence[Caption], segment: Segmenter) -> list[dict[str, Any]]:
    """Share of right suggestions in each band of scores, where packs stand for named tags.

    Each round names half of the packs, with the captions of four fifths of the stickers, and
    judges the texts of the others: a text of a pack without a tag should suggest nothing.
    """
    judged = np.array([pair for seed in range(_ROUNDS) for pair in _round(captions, segment, seed)])
    rows = []
    for low, high in pairwise(_BANDS):
        right = judged[(judged[:, 0] >= low) & (judged[:, 0] < high), 1]
        if len(right):
            rows.append({"from": low, "texts": len(right), "right": round(float(right.mean()), 3)})
    return rows


def _round(
    captions: Sequence[Caption], segment: Segmenter, seed: int
) -> Iterator[tuple[float, bool]]:
    random = np.random.default_rng(seed)
    packs = sorted({pack for _, pack in captions})
    tags = sorted(random.permutation(packs)[: len(packs) // 2].tolist())
    held_out = random.integers(0, 5, len(captions)) == 0
    train = [caption for caption, out in zip(captions, held_out, strict=True) if not out]
    test = [caption for caption, out in zip(captions, held_out, strict=True) if out]
    known = _known([(text, pack) for text, pack in train if pack in tags], tags, segment)
    judge = Texts.of(known, judge_keywords(known).scores)
    texts = [text for text, _ in test]
    rows, found, scores = judge.judge(texts, [segment(text) for text in texts])
    for row, tag, score in zip(rows, found, scores, strict=True):
        yield score, tags[tag] == test[row][1]


def _known(captions: Sequence[Caption], tags: Sequence[str], segment: Segmenter) -> KnownTags:
    place = {tag: number for number, tag in enumerate(tags)}
    pack_of = dict(sorted(captions))
    rows: dict[str, list[dict[str, Any]]] = {
        "tagset": [
            {"tag": tag, "id": f"t{number:03}", "flags": [], "named": True, "version": "packs"}
            for tag, number in place.items()
        ],
        "clusters": [
            {"keyword": text, "cluster": place[pack], "state": "named"}
            | {"tag": f"t{place[pack]:03}"}
            for text, pack in pack_of.items()
        ],
        "keywords": [{"keyword": text, "tokens": segment(text)} for text in pack_of],
        "named_keywords": [],
    }
    return read_known(
        *(pa.Table.from_pylist(found, schema=TABLES[name].schema) for name, found in rows.items())
    )
