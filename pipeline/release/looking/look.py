"""Looks at every row of a release: what can't be decoded, shows nothing, or isn't as told."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.copies.across import find_copies
from pipeline.copies.comparing import SAME, STILL_OF
from pipeline.copies.looks import Looks
from pipeline.release.looking.compared import differing
from pipeline.release.looking.measuring import Seen, measure_chunks
from pipeline.release.looking.rows import count_rows, read_chunks
from pipeline.release.rows import NO_PICTURES
from schemas.config import DecodeConfig, DuplicatesConfig
from schemas.release import SPLITS

Progress = Callable[[int, int], None]
_SHOWN = 20
_ONE_COLOUR = 3.0
"""Deviation, in grey levels at 64x64, below which a picture shows nothing that a person sees."""


@dataclass
class Sight:
    """What looking at every row found; lists are cut, counts are whole.

    ``pictures`` and ``bare`` count rows by split: those that should carry an image (videos carry
    none in a release), and those of them without. ``images`` rows carry a file; of them
    ``unreadable`` can't be decoded, ``cut_short`` break off, ``blank`` show one colour and
    ``repeated`` the pixels of a row before. ``differing`` counts rows by column that say something
    else than their file. ``copies`` are pairs of rows of different splits that show the same
    picture. ``named`` has examples by the same names.
    """

    rows: Counter[str] = field(default_factory=Counter)
    pictures: Counter[str] = field(default_factory=Counter)
    bare: Counter[str] = field(default_factory=Counter)
    images: int = 0
    unreadable: int = 0
    cut_short: int = 0
    blank: int = 0
    repeated: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    rows_differing: int = 0
    copies: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)

    def name(self, what: str, lines: Iterable[str]) -> None:
        """Keep some examples."""
        kept = self.named.setdefault(what, [])
        kept += list(lines)[: _SHOWN - len(kept)]


def look_at_release(
    folder: Path,
    caps: DecodeConfig,
    duplicates: DuplicatesConfig,
    blank_entropy: float,
    scratch: Path,
    progress: Progress = lambda done, rows: None,
) -> Sight:
    """Decode every row of every split and look for copies across splits.

    ``blank_entropy``: bits below which a picture counts as blank, besides those of one colour.
    Below ``scratch`` lie 10 KB a still and 20 KB an animation meanwhile. Raises StickerworksError
    where a shard can't be read.
    """
    sight, ids = Sight(), [pa.array([], pa.string())]
    pixels: list[npt.NDArray[np.uint64]] = [np.empty((0, 2), np.uint64)]
    total = count_rows(folder)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="looks-") as place:
        looks = Looks(Path(place))
        for seen in measure_chunks(read_chunks(folder), caps):
            rows = seen.chunk.rows
            sight.rows[seen.chunk.split] += len(rows)
            _count(seen, blank_entropy, sight)
            ids.append(rows["id"].combine_chunks().cast(pa.string()))
            pixels.append(_hashes(seen.measured["pixel_sha256"]))
            texts = rows["ocr_text"] if "ocr_text" in rows.schema.names else None
            texts = pa.nulls(len(rows), pa.string()) if texts is None else texts
            looks.add(SPLITS.index(seen.chunk.split), seen.looks, seen.key_frames, texts)
            progress(sight.rows.total(), total)
        known = pa.concat_arrays(ids)
        _count_repeated(np.concatenate(pixels), known, sight)
        _count_copies(looks, duplicates, known, sight)
    return sight


def _count(seen: Seen, blank_entropy: float, sight: Sight) -> None:
    ids, measured = seen.chunk.rows["id"], seen.measured
    errors = measured["error"]
    decoded = pc.is_valid(measured["pixel_sha256"])
    lost = pc.is_valid(errors)
    pictures, split = _pictures(seen.chunk.rows), seen.chunk.split
    sight.pictures[split] += pc.sum(pictures).as_py() or 0
    without = pc.invert(pc.or_(decoded, lost))
    sight.bare[split] += pc.sum(pc.and_(pictures, without)).as_py() or 0
    sight.images += pc.sum(pc.or_(decoded, lost)).as_py() or 0
    sight.unreadable += pc.sum(lost).as_py() or 0
    reasons = zip(ids.filter(lost).to_pylist(), errors.filter(lost).to_pylist(), strict=True)
    sight.name("unreadable", (f"{id_}: {reason}" for id_, reason in reasons))
    for what, where in (
        ("cut_short", _flagged(measured["flags"], ("truncated", "refused"))),
        ("blank", _blank(seen, blank_entropy)),
    ):
        setattr(sight, what, getattr(sight, what) + int(where.sum()))
        sight.name(what, ids.filter(pa.array(where)).to_pylist())
    wrong = differing(seen.chunk.rows, measured)
    sight.rows_differing += len({row for row, _, _ in wrong})
    sight.differing.update(column for _, column, _ in wrong)
    names = ids.to_pylist()
    sight.name("differing", (f"{names[row]}: {told}" for row, _, told in wrong))


def _pictures(rows: pa.Table) -> pa.ChunkedArray:
    """Which rows should carry an image."""
    if "format" not in rows.schema.names:
        return pa.chunked_array([pa.repeat(True, len(rows))])
    return pc.invert(pc.is_in(rows["format"], pa.array(NO_PICTURES)))


def _flagged(flags: pa.ChunkedArray, wanted: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([bool(set(row or ()) & set(wanted)) for row in flags.to_pylist()], np.bool_)


def _blank(seen: Seen, blank_entropy: float) -> npt.NDArray[np.bool_]:
    """Which rows are of one colour, with a grain perhaps that nobody sees."""
    entropy = pc.fill_null(seen.measured["entropy"], 8.0).to_numpy() < blank_entropy
    flat = [
        grey is not None and _is_flat(grey) and all(map(_is_flat, moving or ()))
        for grey, moving in zip(
            seen.looks["grey64"].to_pylist(), seen.looks["motion"].to_pylist(), strict=True
        )
    ]
    found: npt.NDArray[np.bool_] = entropy | np.array(flat, np.bool_)
    return found


def _is_flat(grey: bytes) -> bool:
    return float(np.frombuffer(grey, np.uint8).std()) < _ONE_COLOUR


def _hashes(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """The first 128 bits of each hash; zeros where there is none."""
    found = [bytes.fromhex(one[:32]) if one else bytes(16) for one in column.to_pylist()]
    return np.frombuffer(b"".join(found), np.uint64).reshape(-1, 2)


def _count_repeated(pixels: npt.NDArray[np.uint64], ids: pa.Array, sight: Sight) -> None:
    there = np.flatnonzero(pixels.any(1))
    _, first, same = np.unique(pixels[there], axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[same.ravel()] != np.arange(len(there)))
    sight.repeated = len(again)
    some = again[:_SHOWN]
    pairs = zip(there[some].tolist(), there[first[same.ravel()[some]]].tolist(), strict=True)
    sight.name("repeated", (f"{ids[one]} shows what {ids[other]} shows" for one, other in pairs))


def _count_copies(looks: Looks, settings: DuplicatesConfig, ids: pa.Array, sight: Sight) -> None:
    sides = looks.sides
    for found in find_copies(looks, settings):
        alike = np.isin(found.what, (SAME, STILL_OF))
        sight.copies += int(alike.sum())
        pairs = _pairs(found.one[alike], found.other[alike], sides)
        sight.name("copies", (_tell(one, other, sides, ids) for one, other in pairs))


def _pairs(
    ones: npt.NDArray[np.int64], others: npt.NDArray[np.int64], sides: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    # Those of test first, which cost most.
    order = np.argsort(-np.maximum(sides[ones], sides[others]), kind="stable")[:_SHOWN]
    yield from zip(ones[order].tolist(), others[order].tolist(), strict=True)


def _tell(one: int, other: int, sides: npt.NDArray[np.int64], ids: pa.Array) -> str:
    upper, lower = (f"{ids[n]} of {SPLITS[sides[n]]}" for n in (one, other))
    return f"{upper} shows what {lower} shows"
