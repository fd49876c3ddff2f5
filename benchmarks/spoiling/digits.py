"""Handwritten digits as the rows of a release: many easy rows, each with one right tag."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.spoiling.copies import Rows, read_rows, with_bytes

_SIDE = 64
_SPLITS = {"train": (0, 719), "validation": (719, 810), "test": (810, 900)}


def digit_rows(release: Path) -> Rows:
    """900 pictures of scikit-learn's digits, in rows like the first one of a release."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    like = read_rows(release)["train"][0]
    plain = {**like, "label_status": "effective", "duplicate_group": None, "template_id": None}
    rows: Rows = {}
    for split, (first, end) in _SPLITS.items():
        rows[split] = []
        for number in range(first, end):
            tags = [f"digit {digits.target[number]}"]
            row = {**plain, "tags": tags, "suggested_tags": tags}
            rows[split].append(with_bytes(row, _png(digits.images[number]), "png"))
    return rows


def _png(ink: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bytes:
    """A picture of 8x8 pixels from 0 to 16, dark on white, enlarged."""
    picture = Image.fromarray((255 - 15.9 * ink).astype(np.uint8)).convert("RGB")
    file = io.BytesIO()
    picture.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()
