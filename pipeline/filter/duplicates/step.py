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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.engine.columns import known_numbers, value_codes
from pipeline.engine.stage import Output, Reader
from pipeline.filter.duplicates.candidates import near_pairs
from pipeline.filter.duplicates.views import Looks, differences, load_looks
from schemas.config import DuplicatesConfig
from schemas.tables import DUPLICATES

Ints = npt.NDArray[np.int64]
Pairs = tuple[Ints, Ints]

_LASTS_ALIKE = 1.25
_READABLE, _READS_ALIKE = 4, 0.8
"""Characters from which a reading counts, and how much of two must agree (OCR errs on details)."""
_WAVE = 1 << 16
"""Pairs of stickers looked at in one go."""

_SIGNALS = ["width", "height", "frames", "duration_ms", "animated", "pixel_sha256", "phash"]
_KINDS = pa.array(["pixels", "perceptual"])


@dataclass(frozen=True)
class _Stickers:
    """What is compared of the stickers that take part, the best first: a place is an index here.

    ``row`` counts over all shards. ``pixels`` numbers equal frames, ``same_text`` equal texts (no
    text equals no other), and ``code`` is the place of the perceptual hash in ``codes``.
    """

    row: Ints
    animated: npt.NDArray[np.bool_]
    duration_ms: Ints
    pixels: Ints
    code: Ints
    codes: npt.NDArray[np.uint64]
    text: pa.Array
    same_text: Ints


@dataclass(frozen=True)
class _Lists:
    """Lists of whole numbers, end to end: that of ``n`` begins at ``starts[n]``."""

    values: Ints
    counts: Ints

    @property
    def starts(self) -> Ints:
        return np.cumsum(self.counts) - self.counts

    def of(self, numbers: Ints) -> Pairs:
        """Each value in the lists of ``numbers``, beside its place in ``numbers``."""
        counts = self.counts[numbers]
        owner = np.repeat(np.arange(len(numbers)), counts)
        within = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
        return owner, self.values[self.starts[numbers][owner] + within]


def find_duplicates(reader: Reader, settings: DuplicatesConfig) -> Iterator[Output]:
    """Yield ``duplicates`` by blocks. Only what screening kept, and was read, takes part."""
    ids, sizes, stickers = _read(reader)
    pairs = near_pairs(stickers.codes, settings.max_phash_distance)
    representative, kind, distance = _group(reader, sizes, stickers, pairs, settings)
    group = np.arange(len(ids))
    group[stickers.row] = stickers.row[representative]
    kinds, distances, templates = np.full((3, len(ids)), -1)
    kinds[stickers.row], distances[stickers.row] = kind, distance
    templates[stickers.row] = _templates(stickers, pairs)
    end = 0
    for block in reader.blocks:
        start, end = end, end + sum(sizes[part] for part in block)
        columns = {
            "id": ids[start:end],
            "group": ids.take(pa.array(group[start:end])),
            "representative": group[start:end] == np.arange(start, end),
            "kind": _KINDS.take(known_numbers(kinds[start:end])),
            "distance": known_numbers(distances[start:end]),
            "template_id": ids.take(known_numbers(templates[start:end])),
        }
        yield "duplicates", block, pa.table(columns, schema=DUPLICATES.schema)


def _read(reader: Reader) -> tuple[pa.Array, dict[int, int], _Stickers]:
    """All ids, the sizes of shards, and the stickers that take part."""
    ids, found = [], []
    sizes: dict[int, int] = {}
    for block in reader.blocks:
        shards = [reader.read("stickers", part, ["id", "nbytes"]) for part in block]
        start = sum(sizes.values())
        sizes.update(zip(block, map(len, shards), strict=True))
        stickers = pa.concat_tables(shards)
        signals = reader.read("signals", block, [*_SIGNALS, "error"])
        ocr = reader.read("ocr", block, ["text", "error"])
        kept = reader.read("screening", block, ["kept"])["kept"]
        was_read = pc.and_(pc.is_null(signals["error"]), pc.is_null(ocr["error"]))
        rows = signals.select(_SIGNALS)
        rows = rows.append_column("row", pa.array(np.arange(start, start + len(stickers))))
        rows = rows.append_column("nbytes", stickers["nbytes"])
        found.append(rows.append_column("text", ocr["text"]).filter(pc.and_(kept, was_read)))
        ids.append(stickers["id"].combine_chunks())
    return pa.concat_arrays(ids), sizes, _ordered(pa.concat_tables(found).combine_chunks())


def _ordered(rows: pa.Table) -> _Stickers:
    """The best first: larger, longer, less compressed, and the first of equals."""
    size = rows["width"].to_numpy().astype(np.int64) * rows["height"].to_numpy()
    nbytes = pc.fill_null(rows["nbytes"], 0).to_numpy()
    row = rows["row"].to_numpy()
    order = np.lexsort((row, -nbytes, -rows["frames"].to_numpy(), -size))
    text = rows["text"].take(pa.array(order)).combine_chunks()
    hashes = rows["phash"].combine_chunks().buffers()[1]
    codes, code = np.unique(np.frombuffer(hashes or b"", ">u8", len(rows)), return_inverse=True)
    return _Stickers(
        row=row[order],
        animated=rows["animated"].to_numpy()[order],
        duration_ms=rows["duration_ms"].to_numpy()[order].astype(np.int64),
        pixels=value_codes(rows["pixel_sha256"].combine_chunks())[order],
        code=code[order],
        codes=codes.astype(np.uint64),
        text=text,
        same_text=value_codes(pc.if_else(pc.equal(text, ""), None, text)),
    )


def _group(
    reader: Reader,
    sizes: Mapping[int, int],
    stickers: _Stickers,
    pairs: Pairs,
    settings: DuplicatesConfig,
) -> tuple[Ints, Ints, Ints]:
    """By place: the representative's, the kind of match as in ``_KINDS``, the distance or -1."""
    near = _neighbours(len(stickers.codes), pairs)
    _, first, same = np.unique(stickers.pixels, return_index=True, return_inverse=True)
    best = first[same]
    distinct = np.flatnonzero(best == np.arange(len(best)))
    # Animations and stills keep apart, here and so everywhere.
    compared = [
        _compared(distinct[stickers.animated[distinct] == animated], stickers, near)
        for animated in (False, True)
    ]
    shown = np.concatenate(compared)
    shown = shown[np.argsort(stickers.row[shown])]
    numbers = np.full(len(best), -1)
    numbers[shown] = np.arange(len(shown))
    with load_looks(reader, sizes, stickers.row[shown]) as looks:
        matching = _Matching(stickers, near, settings, looks, numbers)
        for places in compared:
            matching.lead(places)
    # What equals a member pixel by pixel equals that member's representative, too.
    representative, distance = matching.representative[best], matching.distance[best]
    copy = (best != np.arange(len(best))) - 1
    perceptual = distance >= 0
    return representative, np.where(perceptual, 1, copy), np.where(perceptual, distance, copy)


def _neighbours(codes: int, pairs: Pairs) -> _Lists:
    """For every hash, the hashes that are alike, itself among them."""
    upper, lower = pairs
    one, other = (np.concatenate([a, b, np.arange(codes)]) for a, b in (pairs, (lower, upper)))
    return _Lists(other[np.argsort(one, kind="stable")], np.bincount(one, minlength=codes))


def _compared(places: Ints, stickers: _Stickers, near: _Lists) -> Ints:
    """Those of ``places`` that have something among them to be compared with."""
    held = np.bincount(stickers.code[places], minlength=len(near.counts))
    return places[_sums(near, held)[stickers.code[places]] > 1]


def _sums(lists: _Lists, of: Ints) -> Ints:
    """Sum over each list, none of them empty, of what ``of`` says of its values."""
    return np.add.reduceat(of[lists.values], lists.starts) if len(of) else of


class _Matching:
    """Finds the representative of each sticker: ``representative`` by place, itself at first.

    ``distance`` is that to the representative, -1 where a sticker is its own; ``numbers`` says
    under which number the looks of a place are known.
    """

    def __init__(
        self,
        stickers: _Stickers,
        near: _Lists,
        settings: DuplicatesConfig,
        looks: Looks,
        numbers: Ints,
    ) -> None:
        self._stickers, self._near, self._settings = stickers, near, settings
        self._looks, self._numbers = looks, numbers
        self.representative = np.arange(len(numbers))
        self.distance = np.full(len(numbers), -1)

    def lead(self, places: Ints) -> None:
        """Match places, ascending, of one kind and without equal frames, with better ones."""
        code, codes = self._stickers.code[places], len(self._near.counts)
        order = np.argsort(code, kind="stable")
        held = _Lists(places[order], np.bincount(code, minlength=codes))
        # So many at a time that the pairs to look at fit into memory.
        work = np.cumsum(_sums(self._near, held.counts)[code]) // _WAVE
        for wave in np.split(places, np.flatnonzero(np.diff(work)) + 1):
            one, other, bounds = self._close(wave, held)
            for pairs in np.split(np.arange(len(one)), np.flatnonzero(np.diff(one)) + 1):
                if len(pairs):
                    self._match(int(one[pairs[0]]), other[pairs], bounds[pairs])

    def _close(self, wave: Ints, held: _Lists) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
        """Pairs of a place and a better one that may be the same, in order, with their bounds."""
        stickers, looks, numbers = self._stickers, self._looks, self._numbers
        owner, codes = self._near.of(stickers.code[wave])
        own, other = held.of(codes)
        one = wave[owner[own]]
        # Of earlier waves, only what leads a group; of this one, what may turn out to lead.
        better = (other < one) & (self.distance[other] < 0)
        one, other = one[better], other[better]
        lasts = np.sort(stickers.duration_ms[np.stack([one, other])], axis=0)
        alike = lasts[1] <= _LASTS_ALIKE * lasts[0]
        one, other = one[alike], other[alike]
        usual = self._settings.max_tile_difference
        same_text = stickers.same_text[one] == stickers.same_text[other]
        most = max(usual, self._settings.max_tile_difference_same_text)
        bounds = np.where(same_text, most, usual)
        # Thousands may share a hash, and few of them a look: only those are compared closely.
        close = looks.close(numbers[one], numbers[other], bounds)
        close = close[np.lexsort((other[close], one[close]))]
        return one[close], other[close], bounds[close]

    def _match(self, place: int, known: Ints, bounds: npt.NDArray[np.float64]) -> None:
        """Follow the leader that the sticker is nearest to, the first one of equals, if any."""
        leads = self.distance[known] < 0
        leaders = known[leads].tolist()
        text, looks, numbers = self._stickers.text, self._looks, self._numbers
        views = [looks.views(numbers[leader]) for leader in leaders]
        gaps = differences(looks.views(numbers[place]), views).tolist()
        least = np.inf
        for leader, bound, gap in zip(leaders, bounds[leads].tolist(), gaps, strict=True):
            if gap < min(bound, least) and not _read_differently(
                text[place].as_py(), text[leader].as_py()
            ):
                least = gap
                self.representative[place], self.distance[place] = leader, int(gap)


def _read_differently(one: str | None, other: str | None) -> bool:
    first, second = sorted("".join((text or "").split()) for text in (one, other))
    if min(len(first), len(second)) < _READABLE:
        return False
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    # What is never below the ratio is counted far more quickly.
    return matcher.quick_ratio() < _READS_ALIKE or matcher.ratio() < _READS_ALIKE


def _templates(stickers: _Stickers, pairs: Pairs) -> Ints:
    """Row of the first sticker of each sticker's template, by place; -1 of those on their own."""
    codes = len(stickers.codes)
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(codes, codes))
    count, labels = connected_components(graph, directed=False)
    template = labels[stickers.code]
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, template, stickers.row)
    return np.where(np.bincount(template, minlength=count)[template] > 1, first[template], -1)
