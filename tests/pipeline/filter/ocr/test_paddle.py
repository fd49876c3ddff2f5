"""PaddleOCR in its own environment, on drawn text, with the models of rapidocr's wheel."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ocr_models.from_wheel import write_model_folders
from PIL import Image, ImageDraw

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import load_plugin
from pipeline.filter.ocr.backend import OcrBackend
from pipeline.filter.ocr.paddle import BACKEND, PaddleOptions, find_python
from schemas.config import OcrConfig


@pytest.fixture(scope="module")
def environment():
    try:
        return find_python(PaddleOptions())
    except StickerworksError as error:
        if os.environ.get("STICKERWORKS_REQUIRE_OCR_PADDLE") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip("`make ocr-paddle` installs PaddleOCR")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_model_folders(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def reader(environment, folders):
    return BACKEND.open(PaddleOptions(**folders))


def drawn(text: str, size: tuple[int, int] = (240, 120)) -> np.ndarray:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).multiline_text((12, 12), text, fill="black", font_size=32)
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def texts(read):
    return ["\n".join(line.text for line in lines) for lines in read]


def test_reads_what_the_default_reads_whatever_stands_beside_it(reader):
    default = load_plugin("ocr", OcrConfig().backend, OcrBackend)
    pictures = [drawn("HELLO\nWORLD"), drawn(""), drawn("GOOD NIGHT AND SLEEP WELL", (480, 64))]
    read = reader.read(pictures)
    assert texts(read) == texts(default.open(default.options()).read(pictures))
    assert read[::-1] == reader.read(pictures[::-1])
    assert texts(reader.read([drawn("", (1, 1)), drawn("", (512, 2))])) == ["", ""]
    for line in read[0]:
        assert 0.5 < line.score <= 1
        xs, ys = line.box[0::2], line.box[1::2]
        assert len(xs) == len(ys) == 4
        assert 0 <= min(xs) < max(xs) <= 240
        assert 0 <= min(ys) < max(ys) <= 120


def test_a_fine_tuned_folder_is_picked_up(environment, folders, tmp_path):
    """Its dictionary alone is another here, so what is read tells whose it was."""

    def swapped(characters):
        return [{"H": "J", "J": "H"}.get(one, one) for one in characters]

    own = folders | {
        "recognition_model": write_model_folders(tmp_path, swapped)["recognition_model"]
    }
    assert texts(BACKEND.open(PaddleOptions(**own)).read([drawn("HELLO")])) == ["JELLO"]
    before, after = (BACKEND.models(PaddleOptions(**options)) for options in (folders, own))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"recognition PP-OCRv6_small_rec"}
    assert {"paddleocr", "onnxruntime"} < set(before)


def test_a_dictionary_of_another_model_is_told(environment, folders, tmp_path):
    other = write_model_folders(tmp_path, lambda characters: characters[:-5])
    options = PaddleOptions(**folders | {"recognition_model": other["recognition_model"]})
    with pytest.raises(StickerworksError, match=r"tells 18710 characters apart.*makes 18705"):
        BACKEND.open(options)


def test_models_are_named_without_a_process(environment, folders, monkeypatch):
    BACKEND.models(PaddleOptions(**folders))
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a process is started"))
    found = BACKEND.models(PaddleOptions(**folders))
    assert len(found["detection PP-OCRv6_small_det"]) == 64
    changed = Path(folders["detection_model"]) / "notes.txt"
    changed.write_text("another file")
    assert BACKEND.models(PaddleOptions(**folders)) != found
    changed.unlink()
