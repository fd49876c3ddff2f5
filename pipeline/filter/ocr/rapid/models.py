"""Which model files the backend ``rapid`` reads with, and the characters of the recogniser."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import opencv_version
from pipeline.engine.file_digest import file_sha256
from pipeline.filter.ocr.rapid.engines import read_metadata
from pipeline.filter.ocr.rapid.options import RapidOptions, choose

Role = Literal["detection_model", "recognition_model"]

_WHEEL_FILES: dict[Role, str] = {
    "detection_model": "PP-OCR*_det_*.onnx",
    "recognition_model": "PP-OCR*_rec_*.onnx",
}
_SIBLINGS = ("dict.txt", "inference.yml")


def model_file(options: RapidOptions, role: Role) -> Path:
    """The user's file for ``role``, else the wheel's. Raises StickerworksError if it is missing."""
    given: str | None = getattr(options, role)
    if given is None:
        found = sorted(_wheel().glob(_WHEEL_FILES[role]))
        if not found:
            raise _missing()
        return found[0]
    path = Path(given)
    if not path.is_file():
        raise StickerworksError(
            f"The OCR model {path} is missing.", f"Correct filter.ocr.options.{role}."
        )
    return path


def name_models(options: RapidOptions) -> dict[str, str]:
    """Versions, engines and digests of all that decides what is read, without loading it."""
    choice = choose(options)
    found = {"rapidocr": _version("rapidocr"), "opencv": opencv_version()}
    # A GPU's onnxruntime is another distribution, and may stand in for the CPU's.
    found["onnxruntime"] = _version("onnxruntime-gpu", "onnxruntime")
    if choice.uses("openvino"):
        found["openvino"] = _version("openvino")
    if choice.device == "cpu":
        computes = f"{choice.detection}/{choice.recognition}"
        if choice.uses("openvino"):
            computes += f" {choice.precision}"
    else:
        halved = options.half and choice.device == "tensorrt"
        computes = choice.device + (" float16" if halved else "")
    found["engines"] = computes
    for role in _WHEEL_FILES:
        path = model_file(options, role)
        # Fine-tuned files are named by role: both may be called inference.onnx.
        found[path.name if getattr(options, role) is None else role] = _digest(path)
    if options.recognition_model and (beside := _characters_file(Path(options.recognition_model))):
        found["characters"] = _digest(beside)
    return found


def read_characters(model: Path) -> list[str]:
    """The characters that a recogniser's classes stand for, without CTC's blank and the space.

    From the model's metadata, else from ``dict.txt`` or ``inference.yml`` (PaddleOCR's export)
    beside it. Raises StickerworksError where there are none.
    """
    told = read_metadata(model).get("character")
    if told is not None:
        return told.splitlines()
    beside = _characters_file(model)
    if beside is None:
        raise StickerworksError(
            f"The OCR model {model} doesn't say which characters it reads.",
            f"Put its dictionary beside it, as {' or '.join(_SIBLINGS)}.",
        )
    text = beside.read_text("utf-8")
    if beside.suffix == ".txt":
        return text.removesuffix("\n").split("\n")
    try:
        found: Any = yaml.safe_load(text)["PostProcess"]["character_dict"]
        return [str(character) for character in found]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise StickerworksError(
            f"{beside} has no PostProcess.character_dict.", "Export the OCR model again."
        ) from error


def _characters_file(model: Path) -> Path | None:
    return next((path for name in _SIBLINGS if (path := model.with_name(name)).is_file()), None)


def _version(*distributions: str) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise _missing()


def _wheel() -> Path:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise _missing()
    return Path(spec.origin).parent / "models"


_digest = cache(file_sha256)


def _missing() -> StickerworksError:
    return StickerworksError(
        "The OCR backend rapid is not installed.",
        "Run `pip install rapidocr onnxruntime openvino`.",
    )
