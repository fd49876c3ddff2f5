"""Batches that are filled up, and halved where memory runs short."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.full_batches import FullBatches

TOO_SMALL = StickerworksError("Too small for one row.", "Free some.")


def test_rows_of_all_arrays_come_back_in_order_whatever_fits() -> None:
    asked = []

    def run(numbers, pictures):
        asked.append((len(numbers), len(pictures)))
        if len(numbers) > 2:
            raise RuntimeError("CUDA out of memory.")
        return numbers + pictures[:, 0, 0]

    numbers, pictures = np.arange(5.0), np.ones((5, 2, 2))
    batches = FullBatches(4, "a test", TOO_SMALL)
    assert np.concatenate(batches.each((numbers, pictures), run)).tolist() == [1, 2, 3, 4, 5]
    assert asked == [(4, 4), (2, 2), (2, 2), (2, 2)]
    assert batches.each((numbers[:0], pictures[:0]), run) == []


def test_one_row_that_is_too_much_is_told_and_other_faults_are_left_alone() -> None:
    def run(rows):
        raise RuntimeError("CUDA out of memory." if rows else "no such kernel")

    with pytest.raises(StickerworksError, match="Too small for one row"):
        FullBatches(2, "a test", TOO_SMALL).each((np.ones(1),), lambda rows: run([1]))
    with pytest.raises(RuntimeError, match="no such kernel"):
        FullBatches(2, "a test", TOO_SMALL).each((np.ones(1),), lambda rows: run([]))
