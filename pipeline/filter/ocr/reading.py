"""The OCR stage's function: key frames to rows of ``ocr``."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
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

KeyFrames = Sequence[Mapping[str, Any]]
"""Of one sticker, as the table ``frames`` has them."""


def ocr_models(config: Config) -> dict[str, str]:
    """Engine, models and their versions, without loading them."""
    return _models(config.filter.ocr)


def on_gpu(settings: OcrConfig) -> bool:
    """Whether the backend reads on a GPU."""
    backend = _backend(settings)
    return backend.on_gpu(_options(backend, settings))


def runs_in_main_process(config: Config) -> bool:
    """Where one reader fills this machine's GPU."""
    return config.engine.executor == "local" and on_gpu(config.filter.ocr)


def open_ocr(context: Context) -> Process:
    """Load the backend and return the function that reads key frames, of all stickers at once."""
    settings: OcrConfig = context.settings
    backend = _backend(settings)
    with plugin_faults("ocr", settings.backend, "as it was opened"):
        reader = backend.open(_options(backend, settings))
    model = _name(settings)

    def process(tables: Tables) -> dict[str, pa.Table]:
        stickers = tables["frames"].to_pylist()
        readable = [sticker for sticker in stickers if sticker["key_frames"] is not None]
        with row_faults("ocr", settings.backend):
            found = iter(
                read_texts(reader, [one["key_frames"] for one in readable], settings.min_score)
            )
        rows = []
        for sticker in stickers:
            row = {"id": sticker["id"], "measured": True, "model": model, "error": None}
            if sticker["key_frames"] is None:
                row["error"] = sticker["error"] or "there are no key frames"
            else:
                row |= next(found)
            rows.append(row)
        return {"ocr": pa.Table.from_pylist(rows, schema=OCR.schema)}

    return process


def read_text(reader: OcrReader, key_frames: KeyFrames, min_score: float) -> dict[str, Any]:
    """Columns lines, text and longest of one sticker; see ``read_texts``."""
    return read_texts(reader, [key_frames], min_score)[0]


def read_texts(
    reader: OcrReader, stickers: Sequence[KeyFrames], min_score: float
) -> list[dict[str, Any]]:
    """Columns lines, text and longest of each sticker, from the key frames of all.

    ``text`` joins distinct lines, so a caption that stays over several frames stands there once;
    ``longest`` counts one frame, since joining frames inflates it (6 -> 9 -> 16 characters).
    """
    pictures = [decode_key_frame(frame) for key_frames in stickers for frame in key_frames]
    found = reader.read(pictures) if pictures else []
    if len(found) != len(pictures):
        raise ValueError(f"it gave the lines of {len(found)} pictures for {len(pictures)}")
    each = iter(found)
    return [
        _columns(key_frames, [next(each) for _ in key_frames], min_score) for key_frames in stickers
    ]


def _columns(
    key_frames: KeyFrames, found: Sequence[Sequence[Line]], min_score: float
) -> dict[str, Any]:
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
    parts = (
        f"{name} {value[:12] if _is_digest(value) else value}" for name, value in models.items()
    )
    return f"{settings.backend}: {', '.join(parts)}"


def _is_digest(value: str) -> bool:
    return len(value) == 64 and " " not in value


def decode_key_frame(frame: Mapping[str, Any]) -> Bgr:
    """The picture of a row of ``frames``."""
    with Image.open(io.BytesIO(frame["jpeg"]), formats=["JPEG"]) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


def _line(index: int, line: Line) -> dict[str, Any]:
    return {"frame": index, "text": line.text, "score": line.score, "box": list(line.box)}
