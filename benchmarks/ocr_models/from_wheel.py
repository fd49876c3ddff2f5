"""Folders as PaddleOCR takes them, of the ONNX models inside rapidocr's wheel."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

DETECTION, RECOGNITION = "PP-OCRv6_small_det", "PP-OCRv6_small_rec"


def write_model_folders(
    root: Path, alter: Callable[[list[str]], list[str]] = lambda characters: characters
) -> dict[str, str]:
    """Write a detector's and a recogniser's folder below ``root``; their paths, as options.

    ``alter`` gives the recogniser another dictionary of the same length.
    """
    models = _wheel() / "models"
    before = {
        "scale": "1./255.",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "order": "hwc",
    }
    detection = write_folder(
        root / "detection",
        models / "PP-OCRv6_det_small.onnx",
        DETECTION,
        [{"DetResizeForTest": None}, {"NormalizeImage": before}, {"ToCHWImage": None}],
        {"name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "unclip_ratio": 1.5},
    )
    recogniser = models / "PP-OCRv6_rec_small.onnx"
    recognition = write_folder(
        root / "recognition",
        recogniser,
        RECOGNITION,
        [{"RecResizeImg": {"image_shape": [3, 48, 320]}}],
        {"name": "CTCLabelDecode", "character_dict": alter(characters(recogniser))},
    )
    return {"detection_model": str(detection), "recognition_model": str(recognition)}


def write_folder(
    folder: Path,
    model: Path,
    name: str,
    before: Sequence[dict[str, Any]],
    after: dict[str, Any],
) -> Path:
    """A folder of inference.onnx and the inference.yml that says what stands around it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(model, folder / "inference.onnx")
    described = {
        "Global": {"model_name": name},
        "PreProcess": {"transform_ops": list(before)},
        "PostProcess": after,
    }
    text = yaml.dump(described, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))
    (folder / "inference.yml").write_text(text, encoding="utf-8")
    return folder


def characters(model: Path) -> list[str]:
    """The dictionary that rapidocr's recogniser carries."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    told: str = session.get_modelmeta().custom_metadata_map["character"]
    return told.split("\n")[: _outputs(session) - 2]  # less the blank and the space


def _outputs(session: Any) -> int:
    return int(session.get_outputs()[0].shape[-1])


def _wheel() -> Path:
    spec = find_spec("rapidocr")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
