"""The files of a model: what stands beside the weights, and the digest of all."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from pipeline.engine.paths import read_regular
from pipeline.filter.measures.safety.classifier import bad_model

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
_DECIDE = (".safetensors", ".json", ".onnx", ".onnx_data", ".data")
_MOST = 5_000_000


def read_json(model: Path, name: str) -> dict[str, Any]:
    """A JSON file beside an ONNX file or in a model's folder; empty where there is none."""
    path = (model if model.is_dir() else model.parent) / name
    if not path.exists():
        return {}
    try:
        content = json.loads(read_regular(path, _MOST))
    except (OSError, ValueError, RecursionError) as error:
        raise bad_model(model, f"{name} can't be read ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise bad_model(model, f"{name} holds no mapping")
    return content


def digest_files(model: Path) -> str:
    """Of an ONNX file, what belongs to it and the JSON beside it, or of a folder's files."""
    if model.is_dir():
        paths = [path for path in sorted(model.iterdir()) if path.suffix in _DECIDE]
    else:
        paths = [model, *_beside(model)]
    files = [path for path in paths if path.is_file()]
    stamps = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    try:
        return _digest(stamps)
    except OSError as error:
        raise bad_model(model, f"it can't be read: {error.strerror}") from error


def _beside(model: Path) -> list[Path]:
    """Files beside an ONNX file that decide with it: the JSON, and weights that it names."""
    described = [model.with_name(name) for name in (CONFIG, PREPROCESSOR)]
    others = [path for path in sorted(model.parent.iterdir()) if path not in (model, *described)]
    if not model.is_file() or not model.stat().st_size:
        return described
    with model.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        named = [path for path in others if content.find(path.name.encode()) >= 0]
    return [*described, *named]


@cache  # read once a process, and again when a file was touched
def _digest(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    sha = hashlib.sha256()
    for path, _, _ in stamps:
        with path.open("rb") as file:
            sha.update(f"{path.name}\0".encode())
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()
