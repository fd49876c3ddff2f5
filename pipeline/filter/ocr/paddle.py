"""PaddleOCR: fine-tuned models and GPUs, in an environment and a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.paths import named_path
from pipeline.filter.ocr.backend import OcrBackend, OcrReader
from pipeline.filter.ocr.paddle_folders import ModelFolder, find_model
from pipeline.filter.ocr.paddle_process import PaddleReader, installed_versions

PYTHON = "STICKERWORKS_OCR_PADDLE"
"""Environment variable that names the python of PaddleOCR's environment."""

ENVIRONMENT = ".venv-ocr-paddle"
"""What `make ocr-paddle` calls it."""


class PaddleOptions(Options):
    """Options of ``filter.ocr.options`` for the backend ``paddle``."""

    detection_model: str | None = Field(
        None,
        description="folder of a text detector; null takes the one that PaddleOCR has downloaded",
    )
    recognition_model: str | None = Field(
        None,
        description="folder of a text recogniser; null takes the one that PaddleOCR has downloaded",
    )
    detection_name: str = Field(
        "PP-OCRv6_small_det",
        pattern=r"^[\w.-]+$",
        description="the detector's architecture, as PaddleOCR calls it, where its inference.yml "
        "doesn't say; also which download is taken",
    )
    recognition_name: str = Field(
        "PP-OCRv6_small_rec", pattern=r"^[\w.-]+$", description="the same of the recogniser"
    )
    engine: Literal["onnxruntime", "paddle"] = Field(
        "onnxruntime", description="what computes: on inference.onnx, or on PaddlePaddle's files"
    )
    device: str = Field("cpu", pattern=r"^(cpu|gpu:\d{1,2})$", description="cpu, or gpu:0")
    detection_side: int = Field(320, ge=32, le=1024, description="shorter side for detection")
    box_threshold: float = Field(
        0.5, ge=0, le=1, description="certainty from which a box counts as text"
    )
    unclip_ratio: float = Field(
        1.5, ge=1, le=4, description="how much larger than its core the box of a line is"
    )
    text_recognition_batch_size: int = Field(
        16, ge=1, le=1024, description="lines of one picture that are read at once"
    )
    recycle_after: int = Field(
        1000, ge=1, description="pictures that one process reads before another takes its place"
    )
    timeout_s: float = Field(50, gt=0, description="seconds that one picture may take")
    python: str | None = Field(
        None,
        description=f"python of PaddleOCR's environment; null means that of {PYTHON}, or where "
        "`make ocr-paddle` put it",
    )


def find_python(options: PaddleOptions) -> Path:
    """The python of PaddleOCR's environment; StickerworksError when there is none."""
    key = "filter.ocr.options.python"
    for named, value in ((key, options.python), (PYTHON, os.environ.get(PYTHON))):
        if value:
            # Not resolved: a link in an environment's bin is what makes it that environment.
            path = named_path(value, named).absolute()
            if not path.is_file():
                raise StickerworksError(f"{named} names {path}, which is no file.", "Correct it.")
            return path
    for folder in (Path(__file__).parents[3], Path(sys.prefix).parent):
        python = folder / ENVIRONMENT / "bin" / "python"
        if python.is_file():
            return python
    raise StickerworksError(
        "The OCR backend paddle has no environment yet.",
        f"Run `make ocr-paddle`, or name its python in {key} or {PYTHON}.",
    )


def _open(options: PaddleOptions) -> OcrReader:
    python = find_python(options)
    installed_versions(python)
    models = _find(options)
    request = {
        "engine": options.engine,
        "device": options.device,
        "side": options.detection_side,
        "box_threshold": options.box_threshold,
        "unclip_ratio": options.unclip_ratio,
        "batch": options.text_recognition_batch_size,
        **{
            role: {"folder": str(model.folder), "name": model.name}
            for role, model in models.items()
        },
    }
    return PaddleReader(python, request, options.recycle_after, options.timeout_s)


def _models(options: PaddleOptions) -> dict[str, str]:
    models = _find(options)
    digests = {f"{role} {model.name}": model.digest for role, model in models.items()}
    return {**installed_versions(find_python(options)), **digests}


def _find(options: PaddleOptions) -> dict[str, ModelFolder]:
    return {
        "detection": find_model(
            "detection", options.detection_model, options.detection_name, options.engine
        ),
        "recognition": find_model(
            "recognition", options.recognition_model, options.recognition_name, options.engine
        ),
    }


def _on_gpu(options: PaddleOptions) -> bool:
    return options.device != "cpu"


BACKEND = OcrBackend(
    name="paddle", open=_open, models=_models, options=PaddleOptions, on_gpu=_on_gpu
)
"""The entry point."""
