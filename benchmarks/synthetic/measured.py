"""What the slow stages would leave: the rows of signals, frames, measures, ocr and duplicates."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.filter.ocr.reading import ocr_models
from schemas.config import Config
from schemas.tables import (
    DUPLICATES,
    EMBEDDINGS,
    EXPENSIVE_MEASURES,
    FRAMES,
    KEY_FRAME,
    MEASURES,
    OCR,
    REVIEWS,
    SIGNALS,
    TEXT_LINE,
    Table,
)
from synthetic.chance import bits, hexadecimal, normal, zipf
from synthetic.columns import Known, all_of, joined, rows_of, texts
from synthetic.pictures import draw
from synthetic.stickers import Stickers
from synthetic.words import keywords

_POOL = 256
_BROKEN = 0.004
_WITH_TEXT = 0.35

Flags = npt.NDArray[np.bool_]


def signals_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """Sizes, lengths and hashes as real collections have them; one in 250 can't be decoded."""
    broken = _broken(stickers)
    width = (120 + 392 * stickers.uniform("width", of_picture=True)).astype(np.int32)
    aspect = 1 + 0.25 * np.abs(normal(stickers.seed, "aspect", stickers.picture)) ** 1.5
    height = np.maximum(1, width / aspect).astype(np.int32)
    moving = stickers.animated
    frames = np.where(moving, 2 + 30 * stickers.uniform("frames", of_picture=True), 1)
    frames = frames.astype(np.int32)
    entropy = np.clip(5 + 1.7 * normal(stickers.seed, "entropy", stickers.picture), 0, 8)
    known: Known = {
        "width": pa.array(width),
        "height": pa.array(height),
        "min_side": pa.array(np.minimum(width, height)),
        "aspect": pa.array(np.maximum(width, height) / np.minimum(width, height)),
        "frames": pa.array(frames),
        "declared_frames": pa.array(frames),
        "duration_ms": pa.array(np.where(moving, frames * 80, 0).astype(np.int32)),
        "animated": pa.array(moving),
        "transparent": pa.array(stickers.uniform("transparent", of_picture=True) < 0.4),
        "entropy": pa.array(entropy),
        "pixel_sha256": texts(hexadecimal(stickers.seed, "pixels", _pixels(stickers))),
        "phash": _hashes(stickers),
        **_looks(stickers),
        "extension_lies": pa.array(np.zeros(len(ids), bool)),
        "flags": _flags(stickers),
    }
    return _with_errors(SIGNALS, ids, known, broken)


def frames_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """Key frames from a pool, one of a still and three of an animation; what may be compared, a
    still that repeats another or is repeated, has its own."""
    places = _look(stickers) + _POOL * stickers.animated
    own = np.flatnonzero(stickers.related & ~stickers.animated)
    places[own] = 2 * _POOL + np.arange(len(own))
    films = [
        _film(picture, 1) for picture in _greys(Stickers(stickers.seed, stickers.numbers[own]))
    ]
    every = pa.concat_arrays([_films(stickers.seed), pa.array(films, pa.list_(KEY_FRAME))])
    known: Known = {"key_frames": every.take(pa.array(places))}
    return _with_errors(FRAMES, ids, known, _broken(stickers))


def measures_rows(stickers: Stickers, ids: pa.Array, version: int) -> pa.Table:
    """The measure ``transparency`` of what was decoded."""
    known: Known = {
        "id": ids,
        "name": all_of("transparency", len(ids)),
        "version": pa.array(np.full(len(ids), version, np.int32)),
        "value": pa.array(stickers.uniform("transparency")),
    }
    return rows_of(MEASURES, len(ids), known).filter(pa.array(~_broken(stickers)))


def expensive_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """No row: nothing expensive is configured."""
    return EXPENSIVE_MEASURES.schema.empty_table()


def embeddings_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """Rows of nulls: no embeddings are configured."""
    nothing = pa.array(np.zeros(len(ids), bool))
    return rows_of(EMBEDDINGS, len(ids), {"id": ids, "measured": nothing})


def ocr_rows(stickers: Stickers, ids: pa.Array, measured: Flags, config: Config) -> pa.Table:
    """A line on a third of the stickers that screening kept, of some words more or less."""
    words = pa.array(keywords(), pa.string())
    pictures = Stickers(stickers.seed, stickers.picture)
    some = [words.take(pa.array(zipf(stickers.seed, f"line {n}", stickers.picture, len(words))))
            for n in range(4)]  # fmt: skip
    lines = (1 + 3.6 * pictures.uniform("words") ** 3).astype(int)
    text = some[0]
    for count, more in enumerate(some[1:], start=2):
        text = pc.if_else(pa.array(lines >= count), joined(text, " ", more), text)
    read = measured & (pictures.uniform("text") < _WITH_TEXT)
    length = pc.utf8_length(pc.replace_substring(text, " ", ""))
    model = " ".join(f"{name} {value}" for name, value in ocr_models(config).items())
    known: Known = {
        "id": ids,
        "measured": pa.array(measured),
        "lines": pc.if_else(pa.array(measured), _lines(text, read), None),
        "text": _where(measured, pc.if_else(pa.array(read), text, "")),
        "longest": _where(measured, pc.cast(pc.if_else(pa.array(read), length, 0), pa.int32())),
        "model": _where(measured, all_of(model, len(ids))),
    }
    return rows_of(OCR, len(ids), known)


def duplicates_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """What the families of the collection come to, without comparing anything."""
    kind = stickers.kind.astype(object)
    member = np.isin(kind, ["pixels", "perceptual"])
    group = pc.if_else(pa.array(member), texts(Stickers(stickers.seed, stickers.picture).ids), ids)
    known: Known = {
        "id": ids,
        "group": group,
        "representative": pa.array(~member),
        "same_as": _where(member, group),
        "kind": _where(member, pa.array(kind, pa.string())),
        "distance": _where(member, pa.array(np.where(kind == "pixels", 0, 3).astype(np.int32))),
    }
    return rows_of(DUPLICATES, len(ids), known)


def reviews_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """Nobody has flagged anything."""
    none = pa.ListArray.from_arrays(np.zeros(len(ids) + 1, np.int32), pa.array([], pa.string()))
    known: Known = {"id": ids, "flagged": pa.array(np.zeros(len(ids), bool)), "flags": none}
    return rows_of(REVIEWS, len(ids), known)


def _pixels(stickers: Stickers) -> npt.NDArray[np.int64]:
    return np.where(stickers.kind == "pixels", stickers.picture, stickers.numbers)


def _look(stickers: Stickers) -> npt.NDArray[np.int64]:
    """Place of a sticker's picture in the pool; one of a template alone has another."""
    look = np.where(stickers.kind == "template", stickers.numbers + 1, stickers.picture)
    return np.asarray(look // 20 % _POOL)


def _broken(stickers: Stickers) -> Flags:
    return stickers.uniform("broken", of_picture=True) < _BROKEN


def _hashes(stickers: Stickers) -> pa.Array:
    data = pa.py_buffer(stickers.phash.astype(">u8").tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(stickers.phash), [None, data])


def _flags(stickers: Stickers) -> pa.Array:
    cut = (stickers.uniform("truncated") < 0.01) & stickers.animated
    offsets = np.concatenate([[0], np.cumsum(cut)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), all_of("truncated", int(cut.sum())))


def _with_errors(table: Table, ids: pa.Array, known: Known, broken: Flags) -> pa.Table:
    kept = {name: _where(~broken, column) for name, column in known.items()}
    error = _where(broken, all_of("decode: image file is truncated", len(ids)))
    return rows_of(table, len(ids), {**kept, "id": ids, "error": error})


def _where(chosen: Flags, column: pa.Array) -> pa.Array:
    """The column with nulls where not chosen."""
    places = pa.array(np.arange(len(chosen)), mask=~chosen)
    return column.take(places)


def _lines(text: pa.Array, read: Flags) -> pa.Array:
    count = int(read.sum())
    box = pa.ListArray.from_arrays(
        np.arange(count + 1, dtype=np.int32) * 8,
        pa.array(np.tile(np.arange(8.0), count), pa.float32()),
    )
    line = pa.StructArray.from_arrays(
        [pa.array(np.zeros(count, np.int32)), text.filter(pa.array(read)),
         pa.array(np.full(count, 0.9, np.float32)), box],
        fields=list(TEXT_LINE),
    )  # fmt: skip
    offsets = np.concatenate([[0], np.cumsum(read)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), line, type=OCR.schema.field("lines").type)


def _looks(stickers: Stickers) -> Known:
    """What copies are found by: grey levels, an animation's mean ones, its frames' and hashes."""
    greys = _greys(stickers)
    looks = pa.array([picture.tobytes() for picture in greys], pa.binary(4096))
    small = greys.reshape(-1, 16, 4, 16, 4).mean(axis=(2, 4)).astype(np.uint8)
    motion = [[np.roll(one, 2 * frame, axis=1).tobytes() for frame in range(3)] for one in small]
    hashes = [bits(stickers.seed, f"frame {frame}", stickers.picture) for frame in range(3)]
    frames = np.stack(hashes, axis=1).astype(">u8")
    return {
        "grey64": looks,
        "mean64": _where(stickers.animated, looks),
        "motion": _where(stickers.animated, pa.array(motion, pa.list_(pa.binary(256)))),
        "frame_hashes": _where(
            stickers.animated,
            pa.array([[h.tobytes() for h in row] for row in frames], pa.list_(pa.binary(8))),
        ),
    }


def _greys(stickers: Stickers) -> npt.NDArray[np.uint8]:
    """64x64 grey levels; shape (stickers, 64, 64)."""
    greys = draw(stickers.seed, stickers.picture, 64, colours=250)
    lines = (np.indices((64, 64)).sum(axis=0) % 7 == 0).astype(np.uint8)
    greys[stickers.kind == "perceptual"] += lines
    corner = greys[stickers.kind == "template"]
    corner[:, :20, :20] = 249 - corner[:, :20, :20]
    greys[stickers.kind == "template"] = corner
    return greys


@cache
def _films(seed: int) -> pa.Array:
    """Key frames of the pool's pictures: as stills, then as animations."""
    stills = [_film(picture, 1) for picture in _pool(seed)]
    return pa.array(stills + [_film(picture, 3) for picture in _pool(seed)], pa.list_(KEY_FRAME))


def _pool(seed: int) -> npt.NDArray[np.uint8]:
    return draw(seed, np.arange(_POOL), 64, colours=250)


def _film(picture: npt.NDArray[np.uint8], count: int) -> list[dict[str, object]]:
    found = []
    for index in range(count):
        file = io.BytesIO()
        Image.fromarray(np.roll(picture, 8 * index, axis=1)).save(file, "JPEG", quality=85)
        found.append({"index": index, "start_ms": 80 * index, "duration_ms": 80 * (count > 1),
                      "width": 64, "height": 64, "jpeg": file.getvalue()})  # fmt: skip
    return found
