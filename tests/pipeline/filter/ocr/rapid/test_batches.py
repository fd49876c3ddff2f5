"""What a picture's lines are doesn't depend on what is read beside it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.filter.ocr.rapid.backend import BACKEND
from pipeline.filter.ocr.rapid.detection import Detection, normalised, scaled_size
from pipeline.filter.ocr.rapid.options import RapidOptions
from pipeline.filter.ocr.rapid.recognition import WIDTHS, Recognition, bucket

FOLDER = Path(__file__).resolve().parents[6] / "shared" / "real-stickers"


class Ink:
    """Detects what is dark, and remembers the shapes that it was given."""

    def __init__(self):
        self.shapes = []

    def run(self, batch):
        self.shapes.append(batch.shape)
        return (batch[:, :1] < 0).astype(np.float32)


class Widths:
    """Reads from each line, as its only character, how wide it is in tens of pixels."""

    classes = 13

    def __init__(self):
        self.shapes = []

    def best(self, batch):
        self.shapes.append(batch.shape)
        inked = (batch != 0).any(axis=(1, 2)).sum(axis=1)
        return (1 + inked // 10)[:, None], np.full((len(batch), 1), 0.5, np.float32)


def picture(height, width, *bars):
    made = np.full((height, width, 3), 255, np.uint8)
    for top, left, bottom, right in bars:
        made[top:bottom, left:right] = 0
    return made


def test_pictures_of_one_size_go_together_and_come_back_in_order():
    bar = (40, 20, 70, 180)
    images = [picture(200, 200, bar), picture(100, 300), picture(200, 200), picture(400, 400, bar)]
    network = Ink()
    found = Detection(network, 64, batch=2).find(images)
    assert network.shapes == [(1, 3, 32, 96), (2, 3, 64, 64), (1, 3, 64, 64)]
    assert [len(boxes) for boxes in found] == [1, 0, 0, 1]
    left, top = found[0][0].min(axis=0)
    right, bottom = found[0][0].max(axis=0)
    assert left < 25, "a bar's box goes around it"
    assert right > 175
    assert (top < 45, bottom > 65) == (True, True)


@pytest.mark.parametrize("size", [(512, 512), (60, 60), (200, 300), (1, 512), (3000, 10)])
def test_every_picture_costs_the_detector_the_same(size):
    height, width = scaled_size(picture(*size), 320)
    assert height % 32 == width % 32 == 0
    assert 0.85 < height * width / 320**2 < 1.15
    assert max(height, width) <= 640


def test_pixels_are_from_minus_one_to_one_with_blue_first():
    made = normalised([np.full((5, 5, 3), (0, 255, 51), np.uint8)], (32, 64))
    assert made.shape == (1, 3, 32, 64)
    assert made[0, :, 3, 3] == pytest.approx([-1, 1, -0.6])


def test_lines_are_filled_up_to_a_width_of_their_own():
    lines = [picture(48, width) for width in (40, 90, 45, 96, 100)]
    network = Widths()
    texts = Recognition(network, list("abcdefghijk"), batch=2).read(lines)
    assert network.shapes == [(2, 3, 48, 48), (2, 3, 48, 96), (1, 3, 48, 128)]
    assert texts == [(text, 0.5) for text in "ejejk"]


def test_long_lines_are_squeezed():
    assert bucket(picture(10, 5000)) == WIDTHS[-1]
    assert bucket(picture(500, 10)) == WIDTHS[0]


def test_real_stickers_alone_and_together():
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not here: it holds real stickers, which are not ours to give")
    rows = [json.loads(row) for row in (FOLDER / "manifest.jsonl").read_text("utf-8").splitlines()]
    stills = sorted(row["path"] for row in rows if row["path"].endswith((".jpg", ".png")))[::50]
    images = []
    for path in stills:
        with Image.open(io.BytesIO((FOLDER / path).read_bytes())) as picture:
            picture.thumbnail((300, 300))
            images.append(
                np.ascontiguousarray(np.asarray(picture.convert("RGBA").convert("RGB"))[:, :, ::-1])
            )
    reader = BACKEND.open(RapidOptions())
    together = reader.read(images)
    assert sum(len(lines) for lines in together) > 5
    assert [reader.read([image])[0] for image in reversed(images)] == together[::-1]
