"""RapidOCR: PP-OCRv6 small on onnxruntime, with the models inside its wheel; works offline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.filter.ocr.backend import Bgr, Line, OcrBackend, OcrReader

_MOST_ASPECT = 4


class RapidOcrOptions(Options):
    """Options of ``filter.ocr.options``; the defaults are the fast ones.

    On real stickers, 320 without the direction classifier takes 0.22 s a picture at a recall of
    0.79; RapidOCR's own defaults take 0.79 s at 0.77.
    """

    detection_side: int = Field(320, ge=32, le=1024, description="shorter side for detection")
    direction: bool = Field(False, description="turn lines that stand on their head")
    detection_model: str | None = Field(None, description="ONNX file of a fine-tuned detector")
    recognition_model: str | None = Field(None, description="ONNX file of a fine-tuned recogniser")


class _RapidOcr:
    def __init__(self, options: RapidOcrOptions) -> None:
        import cv2
        from rapidocr import RapidOCR

        # Worker processes share out the cores; threads inside of them only get in the way.
        cv2.setNumThreads(1)
        params = {
            "Global.log_level": "critical",
            "Global.use_cls": options.direction,
            # Lines are filtered by filter.ocr.min_score, once, where every backend's are.
            "Global.text_score": 0.0,
            "Det.limit_side_len": options.detection_side,
            "Det.limit_type": "min",
            "Det.model_path": options.detection_model,
            "Rec.model_path": options.recognition_model,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
        # Its return type depends on arguments that only we know: text, boxes and scores here.
        self._engine: Any = RapidOCR(params={k: v for k, v in params.items() if v is not None})

    def read(self, images: Sequence[Bgr]) -> list[list[Line]]:
        return [self._read(image) for image in images]

    def _read(self, image: Bgr) -> list[Line]:
        found = self._engine(_squarer(image))
        if found.txts is None or found.boxes is None:
            return []
        return [
            Line(text, float(score), tuple(float(edge) for edge in box.reshape(-1)))
            for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
        ]


def _squarer(image: Bgr) -> Bgr:
    """The picture with white below or beside it where one side is over four times the other.

    The engine enlarges the shorter side for detection, and the longer one with it: 512 x 1 pixels
    became 160,000 x 320, and took 100 s and 8 GB.
    """
    import numpy as np

    least = -(-max(image.shape[:2]) // _MOST_ASPECT)
    below, beside = (max(0, least - side) for side in image.shape[:2])
    if not below and not beside:
        return image
    return np.pad(image, ((0, below), (0, beside), (0, 0)), constant_values=255)


def _open(options: RapidOcrOptions) -> OcrReader:
    _models(options)
    return _RapidOcr(options)


def _models(options: RapidOcrOptions) -> dict[str, str]:
    try:
        found = {name: version(name) for name in ("rapidocr", "onnxruntime")}
    except PackageNotFoundError as error:
        raise _missing() from error
    own = {
        role: Path(name)
        for role in ("detection_model", "recognition_model")
        if (name := getattr(options, role))
    }
    # Fine-tuned files are named by role: both may be called inference.onnx.
    for name, path in {**{path.name: path for path in _wheel_models()}, **own}.items():
        if not path.is_file():
            raise StickerworksError(
                f"The OCR model {path} is missing.", "Correct filter.ocr.options."
            )
        found[name] = _digest(path)
    return found


def _wheel_models() -> list[Path]:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise _missing()
    return sorted((Path(spec.origin).parent / "models").glob("PP-OCR*.onnx"))


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing() -> StickerworksError:
    return StickerworksError(
        "The OCR backend rapidocr is not installed.", "Run `pip install rapidocr onnxruntime`."
    )


BACKEND = OcrBackend(name="rapidocr", open=_open, models=_models, options=RapidOcrOptions)
"""The entry point."""
