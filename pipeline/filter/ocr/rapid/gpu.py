"""The models on an NVIDIA GPU through onnxruntime, by CUDA or TensorRT; never silently a CPU."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.engine.caching import cache_folder
from pipeline.engine.errors import StickerworksError
from pipeline.engine.full_batches import FullBatches
from pipeline.filter.ocr.rapid.detection import MOST_SIDE
from pipeline.filter.ocr.rapid.engines import (
    Detector,
    Floats,
    Indices,
    OnnxRecogniser,
    OnnxRuntime,
    Recogniser,
    check_detector,
    model_faults,
    onnx_session,
)
from pipeline.filter.ocr.rapid.options import RapidOptions
from pipeline.filter.ocr.rapid.recognition import HEIGHT, WIDTHS

Gpu = Literal["cuda", "tensorrt"]

_PROVIDERS: dict[Gpu, str] = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_REMEDY = "Or set filter.ocr.options.device to cpu."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GpuSettings:
    """How a model runs on a GPU; ``shapes`` are the least, usual and greatest of one picture or
    line, (3, height, width)."""

    device: Gpu
    batch: int
    half: bool
    shapes: tuple[Sequence[int], Sequence[int], Sequence[int]]


def open_gpu_detector(model: Path, options: RapidOptions, device: Gpu) -> Detector:
    """A detector on the GPU. Raises StickerworksError where it would compute elsewhere."""
    side = options.detection_side
    shapes = ((3, 32, 32), (3, side, side), (3, MOST_SIDE * side, MOST_SIDE * side))
    with model_faults(model, "detection_model"):
        session = _session(model, GpuSettings(device, options.batch, options.half, shapes))
        found = SparingDetector(OnnxRuntime(session), options.batch)
        check_detector(found)
    return found


def open_gpu_recogniser(model: Path, options: RapidOptions, device: Gpu) -> Recogniser:
    """A recogniser on the GPU. Raises StickerworksError where it would compute elsewhere."""
    shapes = ((3, HEIGHT, WIDTHS[0]), (3, HEIGHT, 160), (3, HEIGHT, WIDTHS[-1]))
    with model_faults(model, "recognition_model"):
        session = _session(model, GpuSettings(device, options.batch, options.half, shapes))
        return SparingRecogniser(OnnxRecogniser(OnnxRuntime(session)), options.batch)


class SparingDetector:
    """A detector whose batches all have ``batch`` pictures, filled up, or what memory allows."""

    def __init__(self, detector: Detector, batch: int) -> None:
        self._detector, self._batches = detector, _batches(batch)

    def run(self, batch: Floats) -> Floats:
        return np.concatenate(self._batches.each((batch,), self._detector.run))


class SparingRecogniser:
    """The same for a recogniser."""

    def __init__(self, recogniser: Recogniser, batch: int) -> None:
        self._recogniser, self._batches = recogniser, _batches(batch)
        self.classes = recogniser.classes

    def best(self, batch: Floats) -> tuple[Indices, Floats]:
        found = self._batches.each((batch,), self._recogniser.best)
        return np.concatenate([i for i, _ in found]), np.concatenate([p for _, p in found])


def _batches(size: int) -> FullBatches:
    return FullBatches(
        size,
        "OCR",
        StickerworksError(
            "The GPU's memory is too small to read a single picture.",
            f"Leave more of it free. {_REMEDY}",
        ),
    )


def gpu_name() -> str:
    """Name and driver of the first GPU. Raises StickerworksError where there is none."""
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader", "-i", "0"]
    try:
        told = subprocess.run(
            asked, capture_output=True, encoding="utf-8", errors="replace", timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise StickerworksError(
            "There is no NVIDIA GPU here that nvidia-smi knows of.",
            f"Install its driver. {_REMEDY}",
        ) from error
    return " ".join(told.split())


def _session(model: Path, settings: GpuSettings) -> Any:
    import onnxruntime

    device, provider = settings.device, _PROVIDERS[settings.device]
    if provider not in onnxruntime.get_available_providers():
        raise StickerworksError(
            f"OCR was asked to read by {device}, and this onnxruntime has no {provider}.",
            f"Install onnxruntime-gpu in place of onnxruntime. {_REMEDY}",
        )
    # CUDA and cuDNN from packages, where they are installed so.
    onnxruntime.preload_dlls()
    cuda = (
        "CUDAExecutionProvider",
        # EXHAUSTIVE tries every algorithm anew for every shape, and was slower than a CPU.
        {
            "cudnn_conv_algo_search": "DEFAULT",
            "arena_extend_strategy": "kSameAsRequested",
            # Its ten bits would read other text than a CPU does.
            "use_tf32": 0,
        },
    )
    providers: list[Any] = [cuda]
    if device == "tensorrt":
        providers.insert(0, (provider, _tensorrt(model, settings)))
    session = onnx_session(model, providers)
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise StickerworksError(
            f"OCR was asked to read by {device}, and onnxruntime fell back to "
            f"{session.get_providers()[0]}: a library of CUDA, cuDNN or TensorRT is missing.",
            f"Install onnxruntime-gpu[cuda,cudnn]. {_REMEDY}",
        )
    log.info("OCR reads with %s on %s.", provider, gpu_name())
    return session


def _tensorrt(model: Path, settings: GpuSettings) -> dict[str, Any]:
    """Options of TensorRT. Its engines take 5 to 25 minutes to build, and are kept for each GPU;
    their names tell models and shapes apart."""
    folder = cache_folder("tensorrt") / re.sub(r"\W+", "-", gpu_name())
    folder.mkdir(parents=True, exist_ok=True)
    name = onnx_session(model).get_inputs()[0].name

    def shapes(count: int, sides: Sequence[int]) -> str:
        return f"{name}:" + "x".join(str(side) for side in (count, *sides))

    least, usual, most = settings.shapes
    return {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": settings.half,
        # One engine for all shapes; else each new shape would have it built again.
        "trt_profile_min_shapes": shapes(1, least),
        "trt_profile_opt_shapes": shapes(settings.batch, usual),
        "trt_profile_max_shapes": shapes(settings.batch, most),
    }
