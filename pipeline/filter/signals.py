"""The signals stage's function: media files to rows of ``signals`` and ``frames``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.decode import Row, measure
from schemas.tables import FRAMES, SIGNALS

_EXTENSIONS = {
    "gif": {"gif"},
    "png": {"png", "apng"},
    "apng": {"png", "apng"},
    "jpeg": {"jpg", "jpeg", "jpe", "jfif"},
    "webp": {"webp"},
    "bmp": {"bmp"},
    "avif": {"avif"},
    "webm": {"webm"},
    "mp4": {"mp4", "m4v"},
    "tgs": {"tgs"},
}
_SIGNALS_ROW = pa.struct(SIGNALS.schema)
_FRAMES_ROW = pa.struct(FRAMES.schema)
_GONE = "gone: the file is no longer in its folder"
_KNOWN = set().union(*_EXTENSIONS.values())


def open_signals(context: Context) -> Process:
    """Return the function that measures stickers; its settings are ``filter.decode``.

    A sticker that no source shows any more has no path, and a row that says so. A file that
    should be there and isn't, or holds other bytes than were crawled, raises: that says nothing
    about the sticker, and the row is tried again once the file is back.
    """

    def process(tables: Tables) -> dict[str, pa.Table]:
        signals: list[Row] = []
        frames: list[Row] = []
        paths = tables["media"]["path"].to_pylist()
        for sticker, path in zip(tables["stickers"].to_pylist(), paths, strict=True):
            if path is None:
                signals.append({"id": sticker["id"], "error": _GONE})
                frames.append({"id": sticker["id"], "error": _GONE})
                continue
            data = read_media(context.media_path(path), sticker["id"])
            measured = measure(data, sticker["format"], context.settings)
            lies = extension_lies(sticker["extension"], sticker["format"])
            name: Row = {"id": sticker["id"], "error": None}
            signals.append({**name, "extension_lies": lies, **measured.signals})
            error = measured.signals.get("error")
            frames.append({**name, "key_frames": measured.key_frames, "error": error})
        return {
            "signals": _table(signals, _SIGNALS_ROW),
            "frames": _table(frames, _FRAMES_ROW),
        }

    return process


def read_media(path: Path, sticker: str) -> bytes:
    """A sticker's bytes; ValueError when the file holds others, OSError when it isn't there."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sticker:
        raise ValueError("its file no longer holds the bytes that were crawled")
    return data


def extension_lies(extension: str | None, kind: str | None) -> bool:
    """Whether a name's extension is that of another format; none, or an unknown one, is no lie."""
    claimed = (extension or "").lower()
    return claimed in _KNOWN and claimed not in _EXTENSIONS.get(kind or "", set())


def _table(rows: list[Row], row: pa.DataType) -> pa.Table:
    # One conversion for all columns: several times faster than from_pylist for single rows.
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array(rows, row))])
