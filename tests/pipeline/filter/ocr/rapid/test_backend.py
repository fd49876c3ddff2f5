"""RapidOCR itself, on drawn text."""

from __future__ import annotations

import hashlib
import logging
import re
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.engine.errors import StickerworksError
from pipeline.engine.fonts import MISSING_FONT, chinese_font
from pipeline.engine.plugins import load_plugin
from pipeline.engine.stage import Context
from pipeline.filter.ocr import reading
from pipeline.filter.ocr.backend import OcrBackend
from pipeline.filter.ocr.rapid import options as rapid_options
from pipeline.filter.ocr.rapid.options import RapidOptions
from pipeline.filter.ocr.reading import ocr_models, open_ocr
from schemas.config import Config, FilterConfig, OcrConfig


@pytest.fixture(scope="module")
def backend():
    return load_plugin("ocr", "rapid", OcrBackend).open(RapidOptions())


def drawn(text: str, size: tuple[int, int] = (240, 120), font=None) -> np.ndarray:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).multiline_text((12, 12), text, fill="black", font=font, font_size=32)
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def test_reads_lines_with_score_and_box(backend):
    found = backend.read([drawn("HELLO\nWORLD"), drawn("")])
    assert [line.text for line in found[0]] == ["HELLO", "WORLD"]
    assert found[1] == []
    for line in found[0]:
        assert 0.5 < line.score <= 1
        xs, ys = line.box[0::2], line.box[1::2]
        assert len(xs) == len(ys) == 4
        assert 0 <= min(xs) < max(xs) <= 240
        assert 0 <= min(ys) < max(ys) <= 120


def test_reads_chinese(backend):
    path = chinese_font()
    if path is None:
        pytest.skip(MISSING_FONT)
    found = backend.read([drawn("谢谢老板", font=ImageFont.truetype(path, 40))])
    assert [line.text for line in found[0]] == ["谢谢老板"]


def test_the_same_picture_gives_the_same_lines(backend):
    pictures = [drawn("HELLO"), drawn("good night")]
    alone = [backend.read([picture])[0] for picture in reversed(pictures)]
    assert backend.read(pictures) == alone[::-1]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("size", [(1, 1), (512, 1), (1, 512), (512, 3)])
def test_extreme_sizes_take_neither_minutes_nor_gigabytes(backend, size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert backend.read([drawn("", size)]) == [[]]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000, "kilobytes"


def test_a_banner_is_read(backend):
    line = backend.read([drawn("GOOD NIGHT EVERYONE", (500, 56))])[0][0]
    assert line.text.replace(" ", "") == "GOODNIGHTEVERYONE"
    assert max(line.box[1::2]) <= 56


def test_is_quiet(backend, capfd):
    backend.read([drawn("")])
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level == logging.CRITICAL


def test_models_are_named_without_loading_them():
    models = load_plugin("ocr", "rapid", OcrBackend).models(RapidOptions())
    assert {"rapidocr", "onnxruntime"} < set(models)
    digests = [value for name, value in models.items() if name.endswith(".onnx")]
    assert len(digests) == 2
    assert all(len(value) == 64 for value in digests)


def test_rows_name_engines_in_full_and_digests_in_short(monkeypatch):
    monkeypatch.setattr(rapid_options, "_multiplies_bfloat16", lambda: False)
    model = reading._name(OcrConfig())
    assert "engines openvino/openvino float32" in model
    assert re.search(r"PP-OCR\w+_rec_\w+\.onnx [0-9a-f]{12}$", model)


def test_models_of_one_file_name_are_told_apart(tmp_path):
    """Fine-tuned models are often all called inference.onnx: a change of either counts."""
    options = {}
    for role in ("detection_model", "recognition_model"):
        path = tmp_path / role / "inference.onnx"
        path.parent.mkdir()
        path.write_text(role)
        options[role] = str(path)
    backend = load_plugin("ocr", "rapid", OcrBackend)

    def models(given):
        return backend.models(RapidOptions(**given))

    found = models(options)
    swapped = models(dict(zip(options, reversed(options.values()), strict=True)))
    for role, other in zip(options, reversed(options), strict=True):
        assert found[role] == hashlib.sha256(role.encode()).hexdigest()
        assert swapped[role] == found[other]
    assert models({"detection_model": options["recognition_model"]}) != models(
        {"recognition_model": options["recognition_model"]}
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detect_side": 320}, r"filter\.ocr\.options\.detect_side \(did you mean detection_side"),
        ({"detection_side": "large"}, r"filter\.ocr\.options\.detection_side"),
        ({"recognition_model": "/no/such.onnx"}, r"OCR model /no/such\.onnx is missing"),
    ],
)
def test_options_are_checked(options, message):
    config = Config(filter=FilterConfig(ocr=OcrConfig(options=options)))
    with pytest.raises(StickerworksError, match=message):
        ocr_models(config)
    with pytest.raises(StickerworksError, match=message):
        open_ocr(Context(config.filter.ocr, Path()))
