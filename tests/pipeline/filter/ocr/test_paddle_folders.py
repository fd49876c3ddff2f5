"""Folders of PaddleOCR's models that fit, and those that don't, told without loading them."""

from __future__ import annotations

import pytest
import yaml

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.paddle import BACKEND, PaddleOptions
from pipeline.filter.ocr.paddle_folders import find_model

DETECTOR = {
    "Global": {"model_name": "PP-OCRv5_mobile_det"},
    "PreProcess": {"transform_ops": [{"NormalizeImage": {"scale": "1./255."}}]},
    "PostProcess": {"name": "DBPostProcess"},
}
RECOGNISER = {
    "PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
    "PostProcess": {"name": "CTCLabelDecode", "character_dict": ["a", "你"]},
}


@pytest.fixture
def write(tmp_path):
    def write(described, *files, name="model"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        text = described if isinstance(described, str) else yaml.safe_dump(described)
        (folder / "inference.yml").write_text(text)
        for file in files or ("inference.onnx",):
            (folder / file).write_bytes(file.encode())
        return str(folder)

    return write


def test_the_folder_names_its_architecture_or_the_option_does(write):
    found = find_model("detection", write(DETECTOR), "other", "onnxruntime")
    assert (found.name, len(found.digest)) == ("PP-OCRv5_mobile_det", 64)
    found = find_model("recognition", write(RECOGNISER, name="rec"), "mine", "onnxruntime")
    assert found.name == "mine"


def test_what_paddleocr_has_downloaded_is_taken(write, monkeypatch, tmp_path):
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path))
    write(RECOGNISER, name="official_models/some_rec_onnx")
    paddle = ("inference.pdiparams", "inference.json")
    write(RECOGNISER, *paddle, name="official_models/some_rec")
    for engine, folder in (("onnxruntime", "some_rec_onnx"), ("paddle", "some_rec")):
        assert find_model("recognition", None, "some_rec", engine).folder.name == folder
    with pytest.raises(StickerworksError, match=r"not downloaded other.*recognition_model"):
        find_model("recognition", None, "other", "onnxruntime")


def swapped(what, **changed):
    return {**what, **changed}


@pytest.mark.parametrize(
    ("role", "described", "told"),
    [
        ("detection", RECOGNISER, "describes a model for text recognition"),
        ("recognition", DETECTOR, "describes a model for text detection"),
        ("detection", swapped(DETECTOR, PostProcess={"name": "PSE"}), "describes none"),
        ("detection", "- a list", "describes none"),
        ("detection", "a: [", r"can't be read \(ParserError\)"),
        ("detection", "!!python/object/apply:os.system ['true']", "can't be read"),
        ("detection", swapped(DETECTOR, PreProcess=None), "has no PreProcess.transform_ops"),
        ("recognition", swapped(RECOGNISER, PostProcess={"name": "CTCLabelDecode"}), "no PostProc"),
        (
            "recognition",
            swapped(RECOGNISER, PostProcess={"name": "CTCLabelDecode", "character_dict": [1]}),
            "holds what is no text",
        ),
        (
            "detection",
            swapped(
                DETECTOR,
                PreProcess={"transform_ops": [{"NormalizeImage": {"scale": "__import__('os')"}}]},
            ),
            "is no number",
        ),
    ],
)
def test_a_description_that_does_not_fit_is_told(write, role, described, told):
    with pytest.raises(StickerworksError, match=f"can't be the model for text {role}: .*{told}"):
        find_model(role, write(described), "name", "onnxruntime")


def test_missing_files_are_told_with_the_remedy(write, tmp_path):
    paddle = write(DETECTOR, "inference.pdiparams", "inference.pdmodel", name="paddle")
    assert find_model("detection", paddle, "", "paddle").digest
    with pytest.raises(StickerworksError, match=r"no inference\.onnx.*engine to paddle"):
        find_model("detection", paddle, "", "onnxruntime")
    with pytest.raises(StickerworksError, match=r"pdiparams.*engine to onnxruntime"):
        find_model("detection", write(DETECTOR, name="onnx"), "", "paddle")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StickerworksError, match=r"holds no inference\.yml"):
        find_model("detection", str(empty), "", "onnxruntime")
    with pytest.raises(StickerworksError, match="is no folder"):
        find_model("detection", str(tmp_path / "none"), "", "onnxruntime")


def test_the_digest_is_of_all_files(write, tmp_path):
    folder = write(DETECTOR)
    before = find_model("detection", folder, "", "onnxruntime").digest
    assert find_model("detection", folder, "", "onnxruntime").digest == before
    (tmp_path / "model" / "inference.onnx").write_bytes(b"fine-tuned")
    assert find_model("detection", folder, "", "onnxruntime").digest != before


def test_a_gpu_is_filled_by_one_process():
    assert BACKEND.on_gpu(PaddleOptions(device="gpu:0"))
    assert not BACKEND.on_gpu(PaddleOptions())
