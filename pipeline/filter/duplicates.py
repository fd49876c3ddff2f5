"""Near-duplicates: the same sticker again is dropped, stickers of one template are tied together.

Perceptual hashes alone merge memes that share a picture but not its caption, which would destroy
a sticker dataset. So hashes only propose; the pictures themselves decide:

* the same: equal decoded frames (``pixels``), or a largest 8x8-tile difference on 64x64 grey
  levels below ``max_tile_difference``, or below ``max_tile_difference_same_text`` where both
  carry the same, non-empty text (``perceptual``);
* but never with captions that read differently: on a plain ground, thin letters change the grey
  levels of a tile by less than ``max_tile_difference``;
* a still and an animation are never the same: neither can stand for the other;
* two animations are the same only if each key frame of either has its like among those of the
  other, and they last alike (within a quarter): their first key frames prove nothing, since
  stickers of one author often begin in the same pose;
* everything else that hashes alike shares a ``template_id``, through any number of others, and
  is kept; splits never separate a template.

A member equals its representative itself, not just another member: A like B and B like C doesn't
make A like C. The representative is the best of its group: most pixels, then frames, then bytes,
then the first crawled. Mirrored pictures, and crops by a few percent, have unrelated hashes and
are not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.engine.stage import Output, Reader
from pipeline.filter.candidates import near_pairs
from pipeline.filter.views import Views, differences, least_differences, load_views, tile_sums
from schemas.config import DuplicatesConfig
from schemas.tables import DUPLICATES

Bounds = npt.NDArray[np.float64]

_LASTS_ALIKE = 1.25
_READABLE, _READS_ALIKE = 4, 0.8
"""Characters from which a reading counts, and how much of two must agree (OCR errs on details)."""

_SIGNALS = ["width", "height", "frames", "duration_ms", "animated", "pixel_sha256", "phash"]


@dataclass(frozen=True)
class _Sticker:
    """What is compared of a sticker that takes part; ``row`` counts over all shards."""

    row: int
    rank: tuple[int, ...]
    animated: bool
    duration_ms: int
    pixel_sha256: str
    code: int
    text: str | None


@dataclass(frozen=True)
class _Match:
    """Row of the representative, how the sticker equals it, and how closely."""

    representative: int
    kind: str | None = None
    distance: int | None = None


def find_duplicates(reader: Reader, settings: DuplicatesConfig) -> Iterator[Output]:
    """Yield the shards of ``duplicates``. Only what screening kept, and was read, takes part."""
    ids: list[str] = []
    starts = [0]
    stickers: list[_Sticker] = []
    for part in reader.parts:
        ids += reader.read("stickers", part, ["id"])["id"].to_pylist()
        stickers += _load(reader, part, starts[-1])
        starts.append(len(ids))
    near = _neighbours(stickers, settings.max_phash_distance)
    found = _group(reader, starts, stickers, near, settings)
    templates = _templates(stickers, near)
    for part, start, end in zip(reader.parts, starts[:-1], starts[1:], strict=True):
        rows = [_row(ids, row, found, templates) for row in range(start, end)]
        yield "duplicates", part, pa.Table.from_pylist(rows, schema=DUPLICATES.schema)


def _load(reader: Reader, part: int, start: int) -> Iterator[_Sticker]:
    signals = reader.read("signals", part, [*_SIGNALS, "error"]).to_pylist()
    nbytes = reader.read("stickers", part, ["nbytes"])["nbytes"].to_pylist()
    kept = reader.read("screening", part, ["kept"])["kept"].to_pylist()
    ocr = reader.read("ocr", part, ["text", "error"]).to_pylist()
    for offset, row in enumerate(signals):
        if not kept[offset] or row["error"] is not None or ocr[offset]["error"] is not None:
            continue
        # An order, the best first: larger, longer, less compressed, and the first of equals.
        pixels = row["width"] * row["height"]
        rank = (-pixels, -row["frames"], -(nbytes[offset] or 0), start + offset)
        yield _Sticker(
            row=start + offset,
            rank=rank,
            animated=row["animated"],
            duration_ms=row["duration_ms"],
            pixel_sha256=row["pixel_sha256"],
            code=int.from_bytes(row["phash"], "big"),
            text=ocr[offset]["text"],
        )


def _neighbours(stickers: Sequence[_Sticker], distance: int) -> dict[int, list[int]]:
    """For every hash, the hashes that are alike, itself among them."""
    codes = np.array(sorted({sticker.code for sticker in stickers}), dtype=np.uint64)
    near = {code: [code] for code in codes.tolist()}
    for i, j in zip(*near_pairs(codes, distance), strict=True):
        one, other = int(codes[i]), int(codes[j])
        near[one].append(other)
        near[other].append(one)
    return near


def _group(
    reader: Reader,
    starts: Sequence[int],
    stickers: Sequence[_Sticker],
    near: dict[int, list[int]],
    settings: DuplicatesConfig,
) -> dict[int, _Match]:
    """Representative of every sticker that takes part, by row."""
    found: dict[int, _Match] = {}
    best: dict[str, _Sticker] = {}
    for sticker in sorted(stickers, key=lambda s: s.rank):
        same = best.setdefault(sticker.pixel_sha256, sticker)
        if same is not sticker:
            found[sticker.row] = _Match(same.row, "pixels", 0)
    distinct = list(best.values())
    views = load_views(reader, starts, sorted(_compared(distinct, near)))
    # Animations and stills keep apart, here and so everywhere.
    for animated in (False, True):
        alike = [sticker for sticker in distinct if sticker.animated is animated]
        found |= _lead(alike, near, views, settings)
    for row, link in found.items():
        # What equals a member pixel by pixel equals that member's representative, too.
        head = found[link.representative]
        if head.kind is not None:
            found[row] = head
    return found


def _compared(stickers: Sequence[_Sticker], near: dict[int, list[int]]) -> set[int]:
    """Rows of the stickers that have something to be compared with."""
    shared: dict[tuple[bool, int], int] = defaultdict(int)
    for sticker in stickers:
        shared[sticker.animated, sticker.code] += 1
    return {
        sticker.row
        for sticker in stickers
        if sum(shared.get((sticker.animated, code), 0) for code in near[sticker.code]) > 1
    }


def _lead(
    stickers: Sequence[_Sticker],
    near: dict[int, list[int]],
    views: dict[int, Views],
    settings: DuplicatesConfig,
) -> dict[int, _Match]:
    """Representative of every one of ``stickers``: of one kind, distinct, the best first."""
    found = {sticker.row: _Match(sticker.row) for sticker in stickers}
    compared = [sticker for sticker in stickers if sticker.row in views]
    sums = tile_sums([views[sticker.row] for sticker in compared])
    texts = _numbered([sticker.text for sticker in compared])
    leaders: dict[int, list[int]] = defaultdict(list)
    for place, sticker in enumerate(compared):
        places = [leader for code in near[sticker.code] for leader in leaders.get(code, ())]
        # In order of rank, so that the better one of equals is found first.
        known = np.sort(np.array(places, dtype=np.int64))
        bounds = _bounds(texts[known] == texts[place], settings)
        # Thousands may share a hash, and few of them a look: only those are compared closely.
        close = least_differences(sums[place], sums[known]) < bounds
        alike = [compared[leader] for leader in known[close].tolist()]
        match = _match(sticker, alike, bounds[close].tolist(), views)
        if match is None:
            leaders[sticker.code].append(place)
        else:
            found[sticker.row] = match
    return found


def _numbered(texts: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """A number for each text, equal only where they are; no text equals no other."""
    numbers: dict[str, int] = {}
    given = [numbers.setdefault(t, len(numbers)) if t else ~row for row, t in enumerate(texts)]
    return np.array(given, dtype=np.int64)


def _bounds(same_text: npt.NDArray[np.bool_], settings: DuplicatesConfig) -> Bounds:
    usual = settings.max_tile_difference
    return np.where(same_text, max(usual, settings.max_tile_difference_same_text), usual)


def _match(
    sticker: _Sticker,
    known: Sequence[_Sticker],
    bounds: Sequence[float],
    views: dict[int, Views],
) -> _Match | None:
    """The representative that the sticker is nearest to, the first one of equals, if any."""
    gaps = differences(views[sticker.row], [views[other.row] for other in known])
    nearest: _Match | None = None
    least = np.inf
    for other, bound, gap in zip(known, bounds, gaps.tolist(), strict=True):
        if gap < min(bound, least) and _may_equal(sticker, other):
            least = gap
            nearest = _Match(other.row, "perceptual", int(gap))
    return nearest


def _may_equal(one: _Sticker, other: _Sticker) -> bool:
    short, long = sorted((one.duration_ms, other.duration_ms))
    return long <= _LASTS_ALIKE * short and not _read_differently(one.text, other.text)


def _read_differently(one: str | None, other: str | None) -> bool:
    first, second = sorted("".join((text or "").split()) for text in (one, other))
    if min(len(first), len(second)) < _READABLE:
        return False
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    # What is never below the ratio is counted far more quickly.
    return matcher.quick_ratio() < _READS_ALIKE or matcher.ratio() < _READS_ALIKE


def _templates(stickers: Sequence[_Sticker], near: dict[int, list[int]]) -> dict[int, int]:
    """Row of the first sticker of each sticker's template; stickers on their own are left out."""
    first: dict[int, int] = {}
    members: dict[int, list[int]] = defaultdict(list)
    for sticker in stickers:
        members[sticker.code].append(sticker.row)
    for code in near:
        if code in first:
            continue
        reached, queue = {code}, [code]
        while queue:
            for other in near[queue.pop()]:
                if other not in reached:
                    reached.add(other)
                    queue.append(other)
        lowest = min(row for one in reached for row in members[one])
        first.update(dict.fromkeys(reached, lowest))
    sizes: dict[int, int] = defaultdict(int)
    for sticker in stickers:
        sizes[first[sticker.code]] += 1
    return {s.row: first[s.code] for s in stickers if sizes[first[s.code]] > 1}


def _row(
    ids: Sequence[str], row: int, found: dict[int, _Match], templates: dict[int, int]
) -> dict[str, Any]:
    own = found.get(row, _Match(row))
    return {
        "id": ids[row],
        "group": ids[own.representative],
        "representative": own.representative == row,
        "kind": own.kind,
        "distance": own.distance,
        "template_id": ids[templates[row]] if row in templates else None,
    }
