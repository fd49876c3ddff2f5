"""OpenVINO and onnxruntime give the same figures; what doesn't fit is told in one line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.rapid import backend
from pipeline.filter.ocr.rapid.backend import BACKEND
from pipeline.filter.ocr.rapid.engines import open_detector, open_recogniser
from pipeline.filter.ocr.rapid.models import model_file, read_characters
from pipeline.filter.ocr.rapid.options import RapidOptions

DETECTOR = model_file(RapidOptions(), "detection_model")
RECOGNISER = model_file(RapidOptions(), "recognition_model")


def noise(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def test_both_engines_detect_the_same():
    picture = noise(1, 3, 64, 96)
    found = [
        open_detector(engine, DETECTOR, "float32").run(picture).copy()
        for engine in ("onnxruntime", "openvino")
    ]
    assert found[0].shape == (1, 1, 64, 96)
    assert np.abs(found[0] - found[1]).max() < 1e-3


def test_both_engines_recognise_the_same():
    line = noise(1, 3, 48, 64)
    one, other = (
        open_recogniser(engine, RECOGNISER, "float32") for engine in ("onnxruntime", "openvino")
    )
    assert one.classes == other.classes == len(read_characters(RECOGNISER)) + 2
    (index, probability), (index_too, probability_too) = one.best(line), other.best(line)
    assert index.tolist() == index_too.tolist()
    assert np.abs(probability - probability_too).max() < 1e-3


def test_importing_openvino_tells_nobody():
    """Its package would tell a host of the import, unless its telemetry seems to be missing."""
    code = (
        "import sys\n"
        "from pipeline.filter.ocr.rapid.engines import import_openvino\n"
        "import_openvino().Core()\n"
        "told = [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
        "sys.exit(f'imported {told}' if told else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detection_model": str(RECOGNISER)}, "doesn't fit"),
        ({"recognition_model": str(DETECTOR)}, "doesn't say which characters"),
        ({"detection_model": "broken"}, "doesn't fit"),
        ({"detection_model": "broken", "detection_engine": "onnxruntime"}, "doesn't fit"),
        ({"recognition_model": "broken"}, "doesn't fit"),
        ({"recognition_model": "other dictionary"}, "18710 classes .* 2 characters"),
    ],
)
def test_a_model_that_does_not_fit_is_one_line(tmp_path, monkeypatch, options, message):
    broken = tmp_path / "inference.onnx"
    broken.write_bytes(b"\x08\x07 no model")
    if "other dictionary" in options.values():
        monkeypatch.setattr(backend, "read_characters", lambda model: ["a", "b"])
        options = {}
    given = {key: str(broken) if value == "broken" else value for key, value in options.items()}
    with pytest.raises(StickerworksError, match=message) as told:
        BACKEND.open(RapidOptions(**given))
    assert "\n" not in str(told.value)
    assert told.value.remedy
