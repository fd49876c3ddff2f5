"""The OCR stage's function: key frames to rows of ``ocr``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pydantic import BaseModel

from pipeline.engine.plugins import load_plugin, plugin_faults, read_plugin_options, row_faults
from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.ocr.backend import Bgr, Line, OcrBackend, OcrReader
from schemas.config import Config, OcrConfig
from schemas.tables import OCR


def ocr_models(config: Config) -> dict[str, str]:
    """Engine, models and their versions, without loading them."""
    return _models(config.filter.ocr)


def open_ocr(context: Context) -> Process:
    """Load the backend and return the function that reads key frames."""
    settings: OcrConfig = context.settings
    backend = _backend(settings)
    with plugin_faults("ocr", settings.backend, "as it was opened"):
        reader = backend.open(_options(backend, settings))
    model = _name(settings)

    def process(tables: Tables) -> dict[str, pa.Table]:
        rows = []
        for sticker in tables["frames"].to_pylist():
            row = {"id": sticker["id"], "measured": True, "model": model, "error": None}
            if sticker["key_frames"] is None:
                row["error"] = sticker["error"] or "there are no key frames"
            else:
                with row_faults("ocr", settings.backend):
                    row |= read_text(reader, sticker["key_frames"], settings.min_score)
            rows.append(row)
        return {"ocr": pa.Table.from_pylist(rows, schema=OCR.schema)}

    return process


def read_text(
    reader: OcrReader, key_frames: Sequence[dict[str, Any]], min_score: float
) -> dict[str, Any]:
    """Columns lines, text and longest of a sticker.

    ``text`` joins distinct lines, so a caption that stays over several frames stands there once;
    ``longest`` counts one frame, since joining frames inflates it (6 -> 9 -> 16 characters).
    """
    found = reader.read([_bgr(frame["jpeg"]) for frame in key_frames])
    lines = [
        (frame["index"], line)
        for frame, read in zip(key_frames, found, strict=True)
        for line in read
        if line.score >= min_score and line.text.strip()
    ]
    lengths = {frame["index"]: 0 for frame in key_frames}
    for index, line in lines:
        lengths[index] += len("".join(line.text.split()))
    return {
        "lines": [_line(index, line) for index, line in lines],
        "text": "\n".join(dict.fromkeys(line.text.strip() for _, line in lines)),
        "longest": max(lengths.values(), default=0),
    }


def _backend(settings: OcrConfig) -> OcrBackend:
    return load_plugin("ocr", settings.backend, OcrBackend)


def _options(backend: OcrBackend, settings: OcrConfig) -> BaseModel:
    where = "filter.ocr.options"
    return read_plugin_options("ocr", backend.name, backend.options, settings.options, where)


def _models(settings: OcrConfig) -> dict[str, str]:
    backend = _backend(settings)
    options = _options(backend, settings)
    with plugin_faults("ocr", settings.backend, "as it named its models"):
        return backend.models(options)


def _name(settings: OcrConfig) -> str:
    models = _models(settings)
    # The first twelve digits tell digests apart, and leave the name readable.
    parts = (f"{name} {value[:12]}" for name, value in models.items())
    return f"{settings.backend}: {', '.join(parts)}"


def _bgr(jpeg: bytes) -> Bgr:
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


def _line(index: int, line: Line) -> dict[str, Any]:
    return {"frame": index, "text": line.text, "score": line.score, "box": list(line.box)}
