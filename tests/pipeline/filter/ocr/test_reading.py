"""From key frames to rows of ocr, with a backend that reads colours."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Context
from pipeline.filter.ocr.backend import Line
from pipeline.filter.ocr.reading import read_text, read_texts
from pipeline.filter.stages import OCR
from schemas.config import Config

BOX = (0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 9.0)


class ColourReader:
    """Reads from each picture the lines that its colour stands for."""

    def __init__(self, **lines):
        self.lines = {name: [Line(t, s, BOX) for t, s in found] for name, found in lines.items()}

    def read(self, images):
        found = []
        for image in images:
            assert image.dtype == np.uint8
            assert image.flags.c_contiguous
            blue, green, red = image.mean(axis=(0, 1))
            channel = int(np.argmax([red, green, blue]))
            found.append(self.lines[("red", "green", "blue")[channel]])
        return found


def key_frame(index, colour):
    out = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(out, "JPEG")
    return {"index": index, "jpeg": out.getvalue()}


def test_text_joins_distinct_lines_and_longest_is_of_one_frame():
    reader = ColourReader(red=[("你好 吗", 0.9)], green=[("你好 吗", 0.9), ("thank you", 0.8)])
    row = read_text(reader, [key_frame(0, "red"), key_frame(4, "lime")], 0.5)
    assert row["text"] == "你好 吗\nthank you"
    assert row["longest"] == 11, "3 + 8 characters in the second frame, spaces left out"
    assert [line["frame"] for line in row["lines"]] == [0, 4, 4]
    assert row["lines"][0]["box"] == list(BOX)


def test_channels_are_blue_first():
    reader = ColourReader(red=[("red", 1)], blue=[("blue", 1)])
    assert read_text(reader, [key_frame(0, "blue")], 0)["text"] == "blue"


def test_lines_below_the_score_and_blank_ones_are_left_out():
    reader = ColourReader(red=[("sure", 0.5), ("unsure", 0.49), ("  ", 0.99)])
    row = read_text(reader, [key_frame(0, "red")], 0.5)
    assert (row["text"], row["longest"], len(row["lines"])) == ("sure", 4, 1)


def test_no_text():
    row = read_text(ColourReader(red=[]), [key_frame(0, "red")], 0.5)
    assert row == {"lines": [], "text": "", "longest": 0}


def test_an_unknown_backend():
    config = Config.model_validate({"filter": {"ocr": {"backend": "tesseract"}}})
    with pytest.raises(StickerworksError, match=r"no OCR backend called 'tesseract'.*rapid"):
        OCR.models(config)
    with pytest.raises(StickerworksError, match="tesseract"):
        OCR.open(Context(OCR.settings(config), "/"))


def test_a_row_without_key_frames_says_so(ocr_rows):
    frames = [{"id": "a", "error": "decode: broken"}, {"id": "b"}]
    rows = ocr_rows(frames)
    assert [row["error"] for row in rows] == ["decode: broken", "there are no key frames"]
    assert [row["measured"] for row in rows] == [True, True]


@pytest.fixture
def ocr_rows():
    from schemas.tables import FRAMES
    from schemas.tables import OCR as OCR_TABLE

    def _rows(frames):
        process = OCR.open(Context(OCR.settings(Config()), "/"))
        written = process({"frames": pa.Table.from_pylist(frames, schema=FRAMES.schema)})
        return written["ocr"].cast(OCR_TABLE.schema).to_pylist()

    return _rows


def test_all_key_frames_of_a_batch_are_read_at_once():
    calls = []

    class Counting(ColourReader):
        def read(self, images):
            calls.append(len(images))
            return super().read(images)

    reader = Counting(red=[("red", 0.9)], green=[], blue=[("blue", 0.9)])
    stickers = [[key_frame(0, "red"), key_frame(3, "blue")], [], [key_frame(0, "lime")]]
    rows = read_texts(reader, [*stickers, [key_frame(7, "blue")]], 0.5)
    assert calls == [4]
    assert [row["text"] for row in rows] == ["red\nblue", "", "", "blue"]
    assert [line["frame"] for line in rows[0]["lines"]] == [0, 3]
    assert rows[3]["lines"][0]["frame"] == 7


def test_a_backend_that_leaves_pictures_out_is_told():
    class Short(ColourReader):
        def read(self, images):
            return super().read(images)[1:]

    with pytest.raises(ValueError, match="the lines of 1 pictures for 2"):
        read_texts(Short(red=[]), [[key_frame(0, "red")], [key_frame(0, "red")]], 0.5)
