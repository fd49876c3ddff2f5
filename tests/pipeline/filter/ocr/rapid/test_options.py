"""What ``auto`` stands for, and what is named in every row."""

from __future__ import annotations

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.rapid import models, options
from pipeline.filter.ocr.rapid.models import name_models, read_characters
from pipeline.filter.ocr.rapid.options import Choice, RapidOptions, choose
from pipeline.filter.ocr.reading import on_gpu, runs_in_main_process
from schemas.config import Config, OcrConfig


@pytest.mark.parametrize(("amx", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_the_cpu_s_fastest(monkeypatch, amx, precision):
    monkeypatch.setattr(options, "_multiplies_bfloat16", lambda: amx)
    assert choose(RapidOptions()) == Choice("cpu", "openvino", "openvino", precision)
    named = name_models(RapidOptions())
    assert named["engines"] == f"openvino/openvino {precision}"
    assert "openvino" in named


def test_precision_is_openvino_s_alone():
    one = RapidOptions(detection_engine="onnxruntime", recognition_engine="onnxruntime")
    named = name_models(one)
    assert named["engines"] == "onnxruntime/onnxruntime"
    assert "openvino" not in named


@pytest.mark.parametrize(("gpu", "device"), [("cuda", "cuda"), ("cpu", "cpu")])
def test_auto_takes_a_gpu_where_onnxruntime_can(monkeypatch, gpu, device):
    monkeypatch.setattr(options, "_installed", lambda distribution: True)
    monkeypatch.setattr("pipeline.engine.compute.default_device", lambda: gpu)
    assert choose(RapidOptions()).device == device
    assert choose(RapidOptions(device="cpu")).device == "cpu"


def test_a_gpu_is_for_the_main_process_or_one_actor():
    cuda = OcrConfig(options={"device": "cuda"})
    config = Config.model_validate({"filter": {"ocr": cuda.model_dump()}})
    assert on_gpu(cuda)
    assert runs_in_main_process(config)
    ray = config.model_copy(update={"engine": config.engine.model_copy(update={"executor": "ray"})})
    assert not runs_in_main_process(ray)
    assert not on_gpu(OcrConfig(options={"device": "cpu"}))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("dict.txt", "你\n好\n#\n"),
        (
            "inference.yml",
            "PostProcess:\n  name: CTCLabelDecode\n  character_dict: [你, 好, '#']\n",
        ),
    ],
)
def test_characters_stand_beside_a_model(tmp_path, monkeypatch, file, text):
    model = tmp_path / "inference.onnx"
    model.write_bytes(b"weights")
    monkeypatch.setattr(models, "read_metadata", lambda path: {})
    with pytest.raises(StickerworksError, match="doesn't say which characters") as told:
        read_characters(model)
    assert "dict.txt or inference.yml" in told.value.remedy
    before = name_models(RapidOptions(recognition_model=str(model)))
    (tmp_path / file).write_text(text, "utf-8")
    assert read_characters(model) == ["你", "好", "#"]
    after = name_models(RapidOptions(recognition_model=str(model)))
    assert after != before, "another dictionary is another model"


def test_a_broken_export(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "read_metadata", lambda path: {})
    (tmp_path / "inference.yml").write_text("PostProcess: 3\n")
    with pytest.raises(StickerworksError, match=r"inference\.yml has no PostProcess"):
        read_characters(tmp_path / "inference.onnx")
