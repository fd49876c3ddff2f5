"""Folders of PaddleOCR's models: which one is meant, whether it can be one, and its digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import plain

DESCRIPTION = "inference.yml"
CACHE = "PADDLE_PDX_CACHE_HOME"
"""Environment variable of PaddleOCR: below it lies what it has downloaded."""

_KINDS = {"detection": "DBPostProcess", "recognition": "CTCLabelDecode"}
_LARGEST = 20_000_000
# PaddleOCR evaluates this text as Python: nothing but a quotient of numbers may stand there.
_QUOTIENT = re.compile(r"[0-9.]{1,12} ?/ ?[0-9.]{1,12}")


@dataclass(frozen=True)
class ModelFolder:
    """A model's folder, the name of its architecture, and the digest of all its files."""

    folder: Path
    name: str
    digest: str


def find_model(role: str, given: str | None, name: str, engine: str) -> ModelFolder:
    """The model for a ``role`` (detection or recognition): the folder given, or a download.

    ``name`` is the architecture's where the folder doesn't say. StickerworksError names what is
    missing or doesn't fit.
    """
    key = f"filter.ocr.options.{role}_model"
    if given is not None:
        folder = named_path(given, key).absolute()
        if not folder.is_dir():
            raise StickerworksError(f"{key}: {folder} is no folder.", "Name a model's folder.")
    else:
        folder = _downloaded(role, name, engine, key)
    state = tuple(
        (str(path), found.st_size, found.st_mtime_ns)
        for path in sorted(folder.iterdir())
        for found in (path.stat(),)
        if path.is_file()
    )
    return _read(role, folder, name, engine, state)


def _downloaded(role: str, name: str, engine: str, key: str) -> Path:
    """Where PaddleOCR keeps a model that it has downloaded by itself."""
    home = Path(os.environ.get(CACHE) or Path.home() / ".paddlex")
    folder = home / "official_models" / (f"{name}_onnx" if engine == "onnxruntime" else name)
    if not folder.is_dir():
        raise StickerworksError(
            f"There is no model for text {role}: PaddleOCR has not downloaded {name} "
            f"({folder} is missing).",
            f"Name a model's folder in {key}; docs/paddle.md says how to get one.",
        )
    return folder


@cache  # the state changes with the files
def _read(role: str, folder: Path, name: str, engine: str, state: object) -> ModelFolder:
    _check_files(role, folder, engine)
    described = _describe(role, folder)
    own = (described.get("Global") or {}).get("model_name")
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            sha.update(f"{path.name}\0".encode())
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return ModelFolder(folder, own if isinstance(own, str) else name, sha.hexdigest())


def _check_files(role: str, folder: Path, engine: str) -> None:
    names = {path.name for path in folder.iterdir()}
    if DESCRIPTION not in names:
        raise _unfit(role, folder, f"it holds no {DESCRIPTION}")
    static = "inference.pdiparams" in names and names & {"inference.json", "inference.pdmodel"}
    if engine == "onnxruntime" and "inference.onnx" not in names:
        convert = "Convert it (docs/paddle.md), or set filter.ocr.options.engine to paddle."
        raise _unfit(role, folder, "it holds no inference.onnx", convert if static else None)
    if engine == "paddle" and not static:
        what = "it holds no inference.pdiparams with inference.json or inference.pdmodel"
        remedy = "Set filter.ocr.options.engine to onnxruntime."
        raise _unfit(role, folder, what, remedy if "inference.onnx" in names else None)


def _describe(role: str, folder: Path) -> Mapping[str, Any]:
    """What inference.yml says, checked as far as its ``role`` goes."""
    try:
        text = read_regular(folder / DESCRIPTION, _LARGEST)
        # The C parser: a dictionary of 18,000 characters takes the other one seconds.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        described = yaml.load(text, loader)  # noqa: S506 - both are safe
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        why = f"its {DESCRIPTION} can't be read ({type(error).__name__})"
        raise _unfit(role, folder, why) from error
    after = described.get("PostProcess") if isinstance(described, dict) else None
    kind = after.get("name") if isinstance(after, dict) else None
    if not isinstance(after, dict) or kind != _KINDS[role]:
        other = next((name for name, known in _KINDS.items() if known == kind), None)
        why = (
            f"its {DESCRIPTION} describes a model for text {other}"
            if other
            else f"its {DESCRIPTION} describes none (PostProcess.name is not {_KINDS[role]})"
        )
        raise _unfit(role, folder, why)
    if role == "recognition":
        characters = after.get("character_dict")
        if not isinstance(characters, list) or not characters:
            raise _unfit(role, folder, f"its {DESCRIPTION} has no PostProcess.character_dict")
        if not all(isinstance(one, str) for one in characters):
            raise _unfit(role, folder, "its character_dict holds what is no text")
    _check_scale(role, folder, described)
    whole: Mapping[str, Any] = described
    return whole


def _check_scale(role: str, folder: Path, described: Mapping[str, Any]) -> None:
    operations = (described.get("PreProcess") or {}).get("transform_ops")
    if not isinstance(operations, list):
        raise _unfit(role, folder, f"its {DESCRIPTION} has no PreProcess.transform_ops")
    for operation in operations:
        settings = operation.get("NormalizeImage") if isinstance(operation, dict) else None
        scale = settings.get("scale") if isinstance(settings, dict) else None
        if isinstance(scale, str) and not _QUOTIENT.fullmatch(scale):
            raise _unfit(role, folder, f"its scale {plain(scale[:60])!r} is no number")


def _unfit(role: str, folder: Path, why: str, remedy: str | None = None) -> StickerworksError:
    return StickerworksError(
        f"{folder} can't be the model for text {role}: {why}.",
        remedy or "Correct filter.ocr.options; docs/paddle.md says what a model's folder holds.",
    )
