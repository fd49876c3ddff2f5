"""The signals stage's function: media files to rows of ``signals`` and ``frames``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pyarrow as pa

from pipeline.engine.decoding.measured import measure, measure_more
from pipeline.engine.media import COLUMNS
from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.measures.values import CheapMeasures, Row
from schemas.config import DecodeConfig
from schemas.tables import FRAMES, MEASURES, SIGNALS

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
ReadBytes = Callable[[], bytes | None]

_READ = ["id", "format", "extension"]
_SIGNALS_ROW = pa.struct(SIGNALS.schema)
_FRAMES_ROW = pa.struct(FRAMES.schema)
_MEASURES_ROW = pa.struct(MEASURES.schema)
_GONE = "gone: no source shows these bytes any more; the table unfetched says why"
_KNOWN = set().union(*_EXTENSIONS.values())


def open_signals(context: Context) -> Process:
    """Return the function that measures stickers; settings are ``decode`` (the caps) and
    ``measures`` (versions by name).

    A sticker that no source shows any more has no bytes, and a row that says so. A file that
    should be there and isn't, or holds other bytes than were crawled, raises: that says nothing
    about the sticker, and the row is tried again once the file is back. A sticker that was
    decoded before is decoded again for the measures that it lacks, and its other rows stay.
    """
    caps: DecodeConfig = context.settings["decode"]
    media = context.media()
    measures = CheapMeasures(context.settings["measures"])

    def process(tables: Tables) -> dict[str, pa.Table]:
        stickers = [
            (sticker, partial(media.read, row))
            for sticker, row in zip(
                tables["stickers"].select(_READ).to_pylist(),
                tables["media"].select(COLUMNS).to_pylist(),
                strict=True,
            )
        ]
        if "signals" in tables:
            return _complete(stickers, tables, measures, caps)
        return _decode(stickers, measures, caps)

    return process


def _decode(
    stickers: Iterable[tuple[Row, ReadBytes]], measures: CheapMeasures, caps: DecodeConfig
) -> dict[str, pa.Table]:
    signals: list[Row] = []
    frames: list[Row] = []
    values: list[Row] = []
    for sticker, read in stickers:
        name, kind = sticker["id"], sticker["format"]
        data = read()
        if data is None:
            signals.append({"id": name, "error": _GONE})
            frames.append({"id": name, "error": _GONE})
            continue
        also = partial(measures.run, name, versions=measures.missing([]))
        measured = measure(data, kind, caps, also)
        lies = extension_lies(sticker["extension"], kind)
        signals.append({"id": name, "error": None, "extension_lies": lies, **measured.signals})
        error = measured.signals.get("error")
        frames.append({"id": name, "key_frames": measured.key_frames, "error": error})
        values += measured.more
    return {
        "signals": _table(signals, _SIGNALS_ROW),
        "frames": _table(frames, _FRAMES_ROW),
        "measures": _table(values, _MEASURES_ROW),
    }


def _complete(
    stickers: Iterable[tuple[Row, ReadBytes]],
    tables: Tables,
    measures: CheapMeasures,
    caps: DecodeConfig,
) -> dict[str, pa.Table]:
    values: list[Row] = []
    known = tables["measures"].to_pylist()
    errors = tables["signals"]["error"].to_pylist()
    for (sticker, read), error in zip(stickers, errors, strict=True):
        name = sticker["id"]
        rows = measures.current([row for row in known if row["id"] == name])
        missing = measures.missing(rows)
        if missing and error is None:
            also = partial(measures.run, name, versions=missing)
            try:
                data = read()
                if data is not None:
                    rows += measure_more(data, sticker["format"], caps, also)
            except (OSError, ValueError) as error:  # its file is gone; what is known of it stays
                rows += measures.fail(name, missing, f"its file can't be read: {error}")
        values += sorted(rows, key=lambda row: str(row["name"]))
    return {
        "signals": tables["signals"],
        "frames": tables["frames"],
        "measures": _table(values, _MEASURES_ROW),
    }


def extension_lies(extension: str | None, kind: str | None) -> bool:
    """Whether a name's extension is that of another format; none, or an unknown one, is no lie."""
    claimed = (extension or "").lower()
    return claimed in _KNOWN and claimed not in _EXTENSIONS.get(kind or "", set())


def _table(rows: list[Row], row: pa.DataType) -> pa.Table:
    # One conversion for all columns: several times faster than from_pylist for single rows.
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array(rows, row))])
