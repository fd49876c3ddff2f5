"""A classifier on a GPU that is full: fewer pictures at a time, then one clear error."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.engine.decoding.sticker_frames import RgbaFrame
from pipeline.filter.measures.safety.classifier import Classifier
from pipeline.filter.measures.safety.measure import _Scorer
from pipeline.filter.measures.safety.preprocessing import Preprocessing


class FullGpu:
    """Takes ``most`` pictures at a time; its first output is their red."""

    def __init__(self, most):
        self.most, self.asked = most, []

    def __call__(self, pictures):
        self.asked.append(len(pictures))
        if len(pictures) > self.most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        red = pictures[:, 0].mean(axis=(1, 2))
        return np.stack([red, 1 - red], axis=1)


def scorer(gpu, **how):
    made = {"at_once": 16, "fixed": False} | how
    classifier = Classifier(Preprocessing((8, 8)), ("red", "other"), "none", gpu, **made)
    return _Scorer(classifier, np.array([0]))


def stickers(number):
    return [[RgbaFrame(np.full((9, 9, 4), 10 * n, np.uint8), 0)] * 2 for n in range(number)]


def test_half_as_many_are_taken_from_then_on():
    gpu = FullGpu(5)
    score = scorer(gpu)
    values = score(stickers(5))
    assert values == pytest.approx([10 * n / 255 for n in range(5)], abs=1e-4)
    assert gpu.asked == [16, 8, 4, 4, 4], "ten frames; each time as many, whatever is left"
    assert score(stickers(5)) == values
    assert gpu.asked[5:] == [4, 4, 4]


@pytest.mark.parametrize(("most", "how"), [(0, {}), (3, {"fixed": True})])
def test_where_it_can_take_no_fewer_the_error_goes_on(most, how):
    with pytest.raises(RuntimeError, match="out of memory"):
        scorer(FullGpu(most), **how)(stickers(2))
