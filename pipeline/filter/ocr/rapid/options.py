"""Options of the backend ``rapid``, and what ``auto`` stands for on this installation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.engine.options import Options

Device = Literal["cpu", "cuda", "tensorrt"]
EngineName = Literal["onnxruntime", "openvino"]
Precision = Literal["float32", "bfloat16"]


class RapidOptions(Options):
    """Options of ``filter.ocr.options``; the defaults are the fast ones.

    ``benchmarks/ocr.py --engines`` measures engines and precisions on a machine.
    """

    device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
        "auto", description="auto: cuda where onnxruntime brings it and there is a GPU, else cpu"
    )
    detection_engine: Literal["auto", "onnxruntime", "openvino"] = Field(
        "auto", description="what finds lines on a CPU; auto: openvino"
    )
    recognition_engine: Literal["auto", "onnxruntime", "openvino"] = Field(
        "auto", description="what reads lines on a CPU; auto: openvino"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of OpenVINO; auto: bfloat16 on CPUs that multiply it in hardware (AMX), "
        "else float32",
    )
    half: bool = Field(False, description="let TensorRT compute in float16")
    detection_side: int = Field(
        448,
        ge=32,
        le=2048,
        description="lines are looked for in the picture scaled to as many pixels as a square "
        "of this side has",
    )
    batch: int = Field(16, ge=1, le=256, description="pictures or lines at once on a GPU")
    direction: bool = Field(False, description="turn lines that stand on their head")
    detection_model: str | None = Field(None, description="ONNX file of a fine-tuned detector")
    recognition_model: str | None = Field(
        None,
        description="ONNX file of a fine-tuned recogniser; its characters are in its metadata, "
        "or in inference.yml or dict.txt beside it",
    )


@dataclass(frozen=True)
class Choice:
    """What computes: ``detection`` and ``recognition`` name engines of the CPU, and ``precision``
    is OpenVINO's."""

    device: Device
    detection: EngineName
    recognition: EngineName
    precision: Precision

    def uses(self, engine: EngineName) -> bool:
        """Whether a model runs on ``engine``."""
        if self.device != "cpu":
            return engine == "onnxruntime"
        return engine in (self.detection, self.recognition)


def choose(options: RapidOptions) -> Choice:
    """What the options say, with ``auto`` settled: the same on one installation every time."""
    precision: Precision
    if options.precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16() else "float32"
    else:
        precision = options.precision
    return Choice(
        _device() if options.device == "auto" else options.device,
        "openvino" if options.detection_engine == "auto" else options.detection_engine,
        "openvino" if options.recognition_engine == "auto" else options.recognition_engine,
        precision,
    )


def _device() -> Device:
    if not _installed("onnxruntime-gpu"):
        return "cpu"
    from pipeline.engine.compute import default_device

    return "cuda" if default_device().startswith("cuda") else "cpu"


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


@cache
def _multiplies_bfloat16() -> bool:
    """Whether this CPU has AMX: others emulate bfloat16, or gain little by it."""
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:  # not Linux
        return False
    flags = next((line for line in told.splitlines() if line.startswith("flags")), "")
    return "amx_bf16" in flags.split()
